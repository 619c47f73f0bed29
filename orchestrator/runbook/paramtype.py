"""The types of a runbook's parameters: parser, JSON form, and sample value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from stopgap.orchestrator.duration import EXPECTED as DURATION
from stopgap.orchestrator.duration import format_duration, read_duration
from stopgap.orchestrator.host import Address, Network
from stopgap.orchestrator.secret import EXPECTED as SECRET
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.source import Unfit, quoted

# Narrower than RFC 5322: safe in a page, a header and a configuration file.
_EMAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,62})\.)+[A-Za-z0-9-]{1,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class ParamType:
    """One type. `item` parses text or a YAML value, and raises ValueError."""

    expected: str
    item: Callable[[object], Any]
    sample: Any
    """The value for a check without a run."""
    many: bool = False
    """The value is a tuple of items, separated by commas on the command line."""
    free: bool = False
    """Free text: a task may restrict the text further."""

    def from_text(self, text: str) -> Any:  # noqa: ANN401
        """Parse a value of the command line; raises Unfit."""
        if not self.many:
            return self.from_yaml(text)
        return self.from_yaml([part.strip() for part in text.split(",") if part.strip()])

    def from_yaml(self, value: object) -> Any:  # noqa: ANN401
        """Parse a value of the runbook, or of the journal; raises Unfit."""
        if not self.many:
            return self._one(value)
        if not isinstance(value, (list, tuple)):
            raise Unfit(f"{quoted(value)} is no list", self.expected)
        return tuple(self._one(item) for item in value)

    def to_json(self, value: Any) -> Any:  # noqa: ANN401
        """Return the JSON form of a value, the inverse of `from_yaml`."""
        if self.many:
            return [_plain(item) for item in value]
        return _plain(value)

    def _one(self, value: object) -> Any:  # noqa: ANN401
        try:
            return self.item(value)
        except Unfit as error:
            raise Unfit(error.message, error.expected or self.expected, error.hint) from None
        except ValueError:
            shown = "nothing" if value is None else quoted(value)
            raise Unfit(f"{shown} does not fit", self.expected) from None


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Secret):
        return value.reference
    return value if isinstance(value, (str, int, float)) else str(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


def _line(value: object) -> str:
    text = _text(value)
    if _CONTROL.search(text):
        raise ValueError
    return text


def _integer(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,18}", value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError
    return value


def _number(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?", value):
        return float(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError
    return float(value)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise ValueError


def _email(value: object) -> str:
    text = _line(value)
    if not _EMAIL.fullmatch(text) or len(text) > 254:
        raise ValueError
    return text


def _url(value: object) -> str:
    text = _line(value)
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[\s<>\"'\\`]", text):
        raise ValueError
    return text


def _address(value: object) -> Address:
    return ip_address(_line(value))


def _network(value: object) -> Network:
    text = _line(value)
    network = ip_network(text, strict=False)
    try:
        return ip_network(text)
    except ValueError:
        raise Unfit(f"{quoted(text)} has bits set outside of its prefix", hint=f"did you mean {network}?") from None


def _path(value: object) -> str:
    text = _line(value)
    if not text.startswith("/"):
        raise ValueError
    return text


_ONE_ADDRESS, _ONE_NETWORK = "an IP address, such as 203.0.113.10", "an IP network, such as 203.0.113.0/24"

PARAM_TYPES: Mapping[str, ParamType] = MappingProxyType(
    {
        "string": ParamType("text on one line", _line, "sample", free=True),
        "text": ParamType("text", _text, "sample", free=True),
        "integer": ParamType("a whole number", _integer, 1),
        "number": ParamType("a number", _number, 1.0),
        "boolean": ParamType("true or false", _boolean, True),
        "email": ParamType("an e-mail address, such as noc@example.org", _email, "name@example.org"),
        "url": ParamType("a URL that begins with http:// or https://", _url, "https://example.org/"),
        "host": ParamType("the name of a host of the inventory", _line, "sample", free=True),
        "address": ParamType(_ONE_ADDRESS, _address, ip_address("192.0.2.1")),
        "addresses": ParamType(
            "a list of IP addresses, such as 203.0.113.10", _address, (ip_address("192.0.2.1"),), many=True
        ),
        "network": ParamType(_ONE_NETWORK, _network, ip_network("192.0.2.0/24")),
        "networks": ParamType(
            "a list of IP networks, such as 203.0.113.0/24", _network, (ip_network("192.0.2.0/24"),), many=True
        ),
        "duration": ParamType(DURATION, read_duration, timedelta(hours=1)),
        "list": ParamType("a list of texts", _line, ("sample",), many=True, free=True),
        "choice": ParamType("one of its choices", _line, "sample"),
        "path": ParamType("an absolute path", _path, "/sample", free=True),
        "secret": ParamType(SECRET, Secret.read, Secret("env:NAME")),
    }
)

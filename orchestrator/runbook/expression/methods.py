"""The methods and attributes of plain values in an expression: a closed set, free of side effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Any

from stopgap.orchestrator.runbook.expression.filters import FILTERS, ROOM

_ADDRESS = frozenset({"compressed", "exploded", "is_global", "is_loopback", "is_private", "version"})
_NETWORK = _ADDRESS | {"broadcast_address", "netmask", "network_address", "num_addresses", "prefixlen"}
_DATE = frozenset({"day", "month", "year"})
ATTRIBUTES: Mapping[type, frozenset[str]] = MappingProxyType(
    {
        IPv4Address: _ADDRESS,
        IPv6Address: _ADDRESS,
        IPv4Network: _NETWORK,
        IPv6Network: _NETWORK,
        date: _DATE,
        datetime: _DATE | {"hour", "minute", "second"},
        timedelta: frozenset({"days", "seconds"}),
    }
)
"""Attributes with plain values."""


def _padded(how: Callable[..., str]) -> Callable[..., str]:
    return lambda text, width, fill=" ": how(text, width, fill)


TEXT_METHODS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "capitalize": str.capitalize,
        "center": _padded(str.center),
        "count": str.count,
        "endswith": str.endswith,
        "find": str.find,
        "isdigit": str.isdigit,
        "join": lambda separator, items: FILTERS["join"](items, separator),
        "ljust": _padded(str.ljust),
        "lower": str.lower,
        "lstrip": str.lstrip,
        "removeprefix": str.removeprefix,
        "removesuffix": str.removesuffix,
        "replace": str.replace,
        "rjust": _padded(str.rjust),
        "rstrip": str.rstrip,
        "split": str.split,
        "splitlines": str.splitlines,
        "startswith": str.startswith,
        "strip": str.strip,
        "title": str.title,
        "upper": str.upper,
        "zfill": str.zfill,
    }
)
MAPPING_METHODS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "get": lambda mapping, key, other=None: mapping.get(key, other),
        "items": lambda mapping: [list(pair) for pair in mapping.items()],
        "keys": list,
        "values": lambda mapping: list(mapping.values()),
    }
)


def _width(_: str, width: int, *__: Any) -> int:  # noqa: ANN401
    return max(0, width)


METHOD_ROOM: Mapping[str, Callable[..., int]] = MappingProxyType(
    {
        **dict.fromkeys(("center", "ljust", "rjust", "zfill"), _width),
        "join": lambda separator, items: ROOM["join"](items, separator),
        "replace": ROOM["replace"],
    }
)
"""Most characters produced by a method beyond its input, by the text and the method's arguments."""


def method_of(value: object, name: str) -> Callable[..., Any] | None:
    """Return the method with the name; `None` if the value has no such method."""
    if isinstance(value, str):
        return TEXT_METHODS.get(name)
    if isinstance(value, Mapping):
        return MAPPING_METHODS.get(name)
    if isinstance(value, timedelta) and name == "total_seconds":
        return timedelta.total_seconds
    if isinstance(value, date) and name == "isoformat":
        return date.isoformat if type(value) is date else datetime.isoformat
    return None

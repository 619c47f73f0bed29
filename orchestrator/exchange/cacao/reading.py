"""Reads a playbook of somebody else: bounded, without duplicate keys or secrets; each refusal has its JSON path."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from stopgap.orchestrator.exchange.secret_text import SECRET, holds_secret
from stopgap.orchestrator.source import InvalidInput, Problem
from stopgap.orchestrator.text import Text, tr

MAX_BYTES = 4 << 20
MAX_DEPTH = 24
MAX_VALUES = 50_000
MAX_TEXT = 64 << 10
"""Characters of one text."""
MOST_PROBLEMS = 20

Path_: TypeAlias = tuple[str | int, ...]
"""A path into the JSON: keys and indexes."""

_SECRET_KEY = re.compile(
    r"pass(word|wd|phrase)?|secret|token|private_?key|api_?key|client_?secret|access_?key|credential|authorization|"
    r"oauth_?header|cookie",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(r"token_?type|kms_key_identifier|tokens?_?url|authentication_info.*", re.IGNORECASE)
_REFERENCE = re.compile(r"__[a-zA-Z][a-zA-Z0-9_-]*__:value|\{\{[^{}]*\}\}|(env|file|keyring|ask):\S.*")
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Object(dict[str, Any]):
    """A JSON object with the keys that stood twice."""

    twice: tuple[str, ...] = ()


def json_path(path: Path_) -> str:
    """Return a path in the notation of JSONPath (RFC 9535).

    >>> json_path(("workflow", "action--1", "commands", 0))
    "$.workflow['action--1'].commands[0]"
    """
    parts = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            parts.append(f".{part}" if _BARE.fullmatch(part) else f"[{_quoted(part)}]")
    return "$" + "".join(parts)


def _quoted(key: str) -> str:
    short = key if len(key) <= 80 else f"{key[:79]}…"
    return "'" + short.replace("\\", "\\\\").replace("'", "\\'") + "'"


def problem(source: str, path: Path_, message: Text) -> Problem:
    """Return the problem at a path of a file."""
    return Problem(f"{source}: {json_path(path)}", message)


def refuse(source: str, path: Path_, message: Text) -> NoReturn:
    """Raise InvalidInput with one problem."""
    raise InvalidInput([problem(source, path, message)])


def read_playbook(path: Path) -> dict[str, Any]:
    """Return the JSON of a file; raises InvalidInput for a file that no playbook should be."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput([Problem(str(path), tr("cannot be read: {reason}", reason=reason))]) from None
    return parse_playbook(content, str(path))


def parse_playbook(content: bytes, source: str) -> dict[str, Any]:
    """Parse the bytes of a playbook, as `read_playbook` does; `source` names them in problems."""
    if len(content) > MAX_BYTES:
        refuse(source, (), tr("the file is larger than {most} bytes", most=MAX_BYTES))
    try:
        data = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_whole
        )
    except RecursionError:
        refuse(source, (), tr("it is nested deeper than {most} levels", most=MAX_DEPTH))
    except ValueError as error:
        refuse(source, (), tr("not JSON: {error}", error=error))
    problems: list[Problem] = []
    for each in _faults(data, (), source, [0]):
        problems.append(each)
        if len(problems) == MOST_PROBLEMS:
            break
    if not isinstance(data, dict):
        problems.append(problem(source, (), tr("a playbook is a JSON object")))
    if problems:
        raise InvalidInput(problems)
    found: dict[str, Any] = data
    return found


def payload(command: dict[str, Any], path: Path_, source: str, field: str = "command") -> str:
    """Return the text of a command, written plainly or in base64; raises InvalidInput."""
    plain, coded = command.get(field), command.get(f"{field}_b64")
    if (plain is None) == (coded is None):
        refuse(source, path, tr("it needs either {field} or {field}_b64", field=field))
    text = plain
    if coded is not None:
        try:
            text = base64.b64decode(coded, validate=True).decode("utf-8")
        except (binascii.Error, ValueError, TypeError):
            refuse(source, (*path, f"{field}_b64"), tr("not base64 of a text in UTF-8"))
    if not isinstance(text, str) or not text.strip():
        refuse(source, path, tr("the command has no words"))
    if len(text) > MAX_TEXT:
        refuse(source, path, tr("a text is longer than {most} characters", most=MAX_TEXT))
    if bad := next((c for c in text if not c.isprintable() and c not in "\n\t\r\u3000"), None):
        refuse(source, path, tr("the character U+{code} cannot stand in a command", code=f"{ord(bad):04X}"))
    if holds_secret(text):
        refuse(source, path, SECRET)
    return text


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        made.twice = tuple(dict.fromkeys(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _whole(digits: str) -> int:
    if len(digits) > 19:
        raise ValueError(f"{digits[:19]}…")
    return int(digits)


def _faults(value: Any, path: Path_, source: str, count: list[int]) -> Iterator[Problem]:  # noqa: ANN401
    count[0] += 1
    if count[0] > MAX_VALUES:
        if count[0] == MAX_VALUES + 1:
            yield problem(source, (), tr("it has more than {most} values", most=MAX_VALUES))
        return
    if len(path) > MAX_DEPTH:
        yield problem(source, path[:MAX_DEPTH], tr("it is nested deeper than {most} levels", most=MAX_DEPTH))
        return
    if isinstance(value, str):
        yield from _text_faults(value, path, source)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _faults(each, (*path, index), source, count)
    elif isinstance(value, dict):
        for key in getattr(value, "twice", ()):
            yield problem(source, (*path, key), tr("the key stands twice"))
        for key, each in value.items():
            if not key.isprintable() or len(key) > 250:
                yield problem(source, path, tr("a key is too long, or cannot be shown"))
                continue
            if _is_secret(key, each):
                yield problem(source, (*path, key), SECRET)
            yield from _faults(each, (*path, key), source, count)


def _text_faults(text: str, path: Path_, source: str) -> Iterator[Problem]:
    if len(text) > MAX_TEXT:
        yield problem(source, path, tr("a text is longer than {most} characters", most=MAX_TEXT))
    elif any("\ud800" <= character <= "\udfff" for character in text):
        yield problem(source, path, tr("half of a character is no text"))
    elif holds_secret(text):
        yield problem(source, path, SECRET)


def _is_secret(key: str, value: object) -> bool:
    """Tell a value that only its owner should know by its key's name; what refers to a value elsewhere is none."""
    if _NOT_SECRET.fullmatch(key):
        return False
    name = key.strip("_")
    if isinstance(value, dict):
        given = value.get("value")
        return key.startswith("__") and bool(_SECRET_KEY.search(name)) and _is_value(given)
    if isinstance(value, list):
        return bool(_SECRET_KEY.fullmatch(name)) and any(map(_is_value, value))
    return bool(_SECRET_KEY.fullmatch(name)) and _is_value(value)


def _is_value(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and not _REFERENCE.fullmatch(value.strip())

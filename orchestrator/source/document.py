"""YAML 1.2 as plain data, with the position of every key and value; each fault becomes a problem."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from stopgap.orchestrator.source import lookalikes
from stopgap.orchestrator.source.kinds import is_ini
from stopgap.orchestrator.source.nodes import MAX_DEPTH, MappingNode, Node, ScalarNode, SequenceNode, compose
from stopgap.orchestrator.source.problem import InvalidInput, Position, Problem

MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Bounds:
    """Limits on the size of a document: bytes of the file, and number of values, expanded aliases included."""

    size: int = MAX_BYTES
    values: int = 50_000


USUAL = Bounds()
INVENTORY = Bounds(size=64 << 20, values=2_000_000)
"""Enough for an inventory of 50,000 hosts."""

Loc: TypeAlias = tuple[int | str, ...]
"""A path into the data: keys and indexes, as in pydantic's `loc`."""

# The complement of c-printable in YAML 1.2; a byte order mark inside the text is refused too.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
# The core schema of YAML 1.2 without its octal, hexadecimal and non-finite numbers. A number with a leading zero
# stays text, so that a file's mode is not silently read as a decimal number.
_CONSTANTS = {"null": None, "~": None, "": None, "true": True, "false": False}
_WHOLE = "(?:0|[1-9][0-9]{0,17})"
_INTEGER = re.compile(f"[-+]?{_WHOLE}")
_FLOAT = re.compile(rf"[-+]?(?:{_WHOLE}?\.[0-9]{{1,17}}|{_WHOLE}(?=[eE]))(?:[eE][-+]?[0-9]{{1,2}})?")


@dataclass(frozen=True)
class Located:
    """A document: plain data with the position of each part.

    Data are dict with text keys, list, str, int, float, bool and `None`.
    """

    path: str
    text: str
    data: Any
    values: Mapping[Loc, Position]
    keys: Mapping[Loc, Position]

    def value(self, loc: Iterable[object]) -> Position:
        """Return the position of the value at `loc`, or of the nearest enclosing value.

        Parts of `loc` missing from the data, such as the name of a union's member, are skipped.
        """
        return self.values[self.known(loc)]

    def key(self, loc: Iterable[object]) -> Position:
        """Return the position of the key for the value at `loc`; without a key, the position of the value."""
        known = self.known(loc)
        return self.keys.get(known, self.values[known])

    def problem(
        self,
        loc: Iterable[object],
        message: str,
        *,
        expected: str | None = None,
        hint: str | None = None,
        at_key: bool = False,
    ) -> Problem:
        """Return a problem of this document, with a hint at ASCII lookalikes in a key or value."""
        known = self.known(loc)
        written = known[-1] if at_key and known else self.at(known)
        looks_alike = lookalikes.plain(written) if isinstance(written, str) else None
        if looks_alike is not None:
            hint = f"full-width or typographic characters; write {looks_alike}"
        source, position = self.place(known, at_key=at_key, pointing_at=str(written) if looks_alike else "")
        return Problem(source, message, position, expected, hint)

    def place(self, known: Loc, *, at_key: bool, pointing_at: str) -> tuple[str, Position | None]:
        """Return the position of a problem: the file, and the key, the value, or the first full-width character."""
        position = self.key(known) if at_key else self.values[known]
        return self.path, self._first_lookalike(position, pointing_at) if pointing_at else position

    def at(self, known: Loc) -> object:
        """Return the value at an existing position."""
        value = self.data
        for part in known:
            value = value[part]
        return value

    def _first_lookalike(self, position: Position, written: str) -> Position:
        line = self.text.splitlines()[position.line - 1]
        place = line.find(written[lookalikes.first_in(written) or 0], position.column - 1)
        return Position(position.line, place + 1) if place >= 0 else position

    def known(self, loc: Iterable[object]) -> Loc:
        """Return the parts of `loc` present in the data."""
        known: Loc = ()
        for part in loc:
            if isinstance(part, (int, str)) and (longer := (*known, part)) in self.values:
                known = longer
        return known


def wrapped_quotes(document: Located) -> Iterator[Problem]:
    """Yield a note for each value in typographic quotes, since such quotes are part of the value."""
    for loc in document.values if re.search("[“”„‘’]", document.text) else ():
        value = document.at(loc)
        if isinstance(value, str) and re.fullmatch("[“”„‘’].*[“”‘’]", value) and lookalikes.plain(value):
            yield document.problem(loc, f"the quotes of {value[:60]} are part of the value: YAML knows \" and '")


def read(path: Path, bounds: Bounds = USUAL) -> Located:
    """Read a YAML file; raises InvalidInput."""
    name = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(bounds.size + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInput([Problem(name, f"cannot be read: {reason}")]) from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InvalidInput([Problem(name, "the file is UTF-16", Position(1, 1), "UTF-8")])
    try:
        text = content[: bounds.size].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The cap may split a character; the fault to report is the size.
        if len(content) <= bounds.size or error.start < bounds.size - 4:
            before = content[: error.start].decode("utf-8-sig", "replace")
            message = f"byte 0x{content[error.start]:02x} is not UTF-8"
            raise InvalidInput([Problem(name, message, _end_of(before), "UTF-8")]) from error
        text = ""
    if len(content) > bounds.size:
        _too_large(name, bounds)
    return parse(text, name, bounds)


def parse(text: str, path: str, bounds: Bounds = USUAL) -> Located:
    """Parse one YAML document; `path` is the name of the file in problems. Raises InvalidInput with all problems."""
    text = text.removeprefix("\ufeff")
    if len(text) > bounds.size:
        _too_large(path, bounds)
    if bad := _UNPRINTABLE.search(text):
        message = f"character U+{ord(bad[0]):04X} cannot stand in YAML"
        raise InvalidInput([Problem(path, message, _end_of(text[: bad.start()]))])
    problems: list[Problem] = []

    def report(position: Position, message: str, expected: str | None = None, hint: str | None = None) -> None:
        problems.append(Problem(path, message, position, expected, hint))

    root = compose(text, report)
    if root is None:
        if is_ini(text):
            hint = "with -i, and without a name that ends in .yaml, it is read as one"
            problem = Problem(
                path, "this is an inventory of Ansible's in INI, and not YAML", Position(1, 1), hint=hint
            )
            raise InvalidInput([problem])
        raise InvalidInput([*lookalikes.structure_problems(text, path), *problems])
    builder = _Builder(report, bounds.values)
    data = builder.build(root, ())
    if problems:
        raise InvalidInput([*lookalikes.structure_problems(text, path), *problems])
    return Located(path, text, data, builder.values, builder.keys)


class _Builder:
    """Converts nodes into data; an alias becomes a copy, and copies count towards the limits."""

    def __init__(self, report: Callable[..., None], most: int) -> None:
        self._most = most
        self.values: dict[Loc, Position] = {}
        self.keys: dict[Loc, Position] = {}
        self._report = report
        self._full = False

    def build(self, node: Node, loc: Loc) -> Any:  # noqa: ANN401
        self.values[loc] = node.position
        if self._full:
            return None
        if len(self.values) > self._most or len(loc) > MAX_DEPTH:
            self._full = True
            self._report(node.position, "its aliases stand for too much", f"at most {self._most} values")
            return None
        if isinstance(node, ScalarNode):
            return _resolved(node)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*loc, i)) for i, item in enumerate(node.items)]
        return self._mapping(node, loc)

    def _mapping(self, node: MappingNode, loc: Loc) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.items:
            if key.text in data:
                first = self.keys[*loc, key.text]
                hint = f"it stands first at {first}"
                self._report(key.position, f"the key {key.text!r} stands twice in one mapping", None, hint)
                continue
            self.keys[*loc, key.text] = key.position
            data[key.text] = self.build(value, (*loc, key.text))
        return data


def _resolved(node: ScalarNode) -> str | int | float | bool | None:
    if not node.plain:
        return node.text
    if node.text in _CONSTANTS:
        return _CONSTANTS[node.text]
    if _INTEGER.fullmatch(node.text):
        return int(node.text)
    if _FLOAT.fullmatch(node.text):
        return float(node.text)
    return node.text


def _end_of(text: str) -> Position:
    lines = re.split(r"\r\n|[\r\n]", text)
    return Position(len(lines), len(lines[-1]) + 1)


def _too_large(path: str, bounds: Bounds) -> NoReturn:
    raise InvalidInput([Problem(path, "the file is too large", Position(1, 1), f"at most {bounds.size} bytes")])

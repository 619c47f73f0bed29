"""A zone file (RFC 1035, section 5): the address records of one name replaced, and the serial raised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.text import tr

_TTL_OR_CLASS = re.compile(r"(?:\d+[smhdw]?)+|IN|CH|HS", re.IGNORECASE)
_GENERATED = ("$INCLUDE", "$GENERATE")


class ZoneFileError(ValueError):
    """The file holds what cannot be edited with certainty; the message gives the reason."""


@dataclass(frozen=True)
class _Word:
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class _Entry:
    """One entry: a record or a directive, possibly over several lines."""

    words: tuple[_Word, ...]
    start: int
    end: int
    inherits: bool
    """The line begins with a blank: the owner is that of the record before."""


def with_addresses(text: str, zone: str, name: str, records: Sequence[str], *, raised: int) -> str:
    r"""Return the zone file with the lines `records` in place of all A and AAAA records of the name.

    `zone` and `name` end with a dot, names in `records` too. `raised`: how much is added to the serial (RFC 1982).
    Raises ZoneFileError.

    >>> zone = "@ SOA a b (7 1 1 1 1)\nwww A 192.0.2.1\n  TXT x\n"
    >>> with_addresses(zone, "z.", "www.z.", ["www.z. 60 A 192.0.2.9"], raised=1)
    '@ SOA a b (8 1 1 1 1)\nwww.z. 60 A 192.0.2.9\n  TXT x\n'
    """
    origin, owner = zone, ""
    cuts: list[tuple[int, int, str]] = []
    serial: _Word | None = None
    first = True
    for entry in _entries(text):
        head = entry.words[0].text.upper()
        if head in _GENERATED:
            raise ZoneFileError(tr("it makes records by {directive}", directive=head))
        if head == "$ORIGIN" and len(entry.words) > 1:
            origin = _whole(entry.words[1].text, origin)
        if head.startswith("$"):
            continue
        if not entry.inherits:
            owner = _whole(entry.words[0].text, origin)
        rest = list(entry.words if entry.inherits else entry.words[1:])
        while rest and _TTL_OR_CLASS.fullmatch(rest[0].text):
            rest.pop(0)
        kind = rest[0].text.upper() if rest else ""
        if kind == "RRSIG":
            raise ZoneFileError(tr("its records are signed (RRSIG): change the zone where it is signed"))
        if kind == "SOA" and len(rest) > 3 and rest[3].text.isdecimal() and serial is None:
            serial = rest[3]
        if kind in {"A", "AAAA"} and owner.lower() == name.lower():
            put = "".join(f"{record}\n" for record in records) if first else ""
            # What follows may inherit its owner from this line.
            cuts.append((entry.start, entry.end, put))
            first = False
    if serial is None:
        raise ZoneFileError(tr("it has no SOA record with a serial"))
    cuts.append((serial.start, serial.end, str((int(serial.text) + raised) % (1 << 32))))
    if first:
        end = "" if text.endswith("\n") or not text else "\n"
        cuts.append((len(text), len(text), end + "".join(f"{record}\n" for record in records)))
    for start, stop, put in sorted(cuts, reverse=True):
        text = text[:start] + put + text[stop:]
    return text


def _whole(name: str, origin: str) -> str:
    if name == "@":
        return origin
    return name if name.endswith(".") else f"{name}.{origin}" if origin != "." else f"{name}."


def _entries(text: str) -> Iterator[_Entry]:
    """Yield the entries with their words; comments, quotes and parentheses are told apart."""
    words: list[_Word] = []
    depth, start, at = 0, 0, 0
    while at <= len(text):
        c = text[at] if at < len(text) else "\n"
        if c == "\n" and depth == 0:
            if words:
                inherits = text[start] in " \t"
                yield _Entry(tuple(words), start, min(at + 1, len(text)), inherits)
            words, start = [], at + 1
        elif c == ";":
            while at < len(text) and text[at] != "\n":
                at += 1
            continue
        elif c in "()":
            depth += 1 if c == "(" else -1
        elif c == '"':
            begin = at
            at += 1
            while at < len(text) and text[at] != '"':
                at += 2 if text[at] == "\\" else 1
            words.append(_Word(text[begin : at + 1], begin, at + 1))
        elif not c.isspace():
            begin = at
            while at < len(text) and not text[at].isspace() and text[at] not in '();"':
                at += 2 if text[at] == "\\" else 1
            words.append(_Word(text[begin:at], begin, at))
            continue
        at += 1
    if depth:
        raise ZoneFileError(tr("a parenthesis is not closed"))

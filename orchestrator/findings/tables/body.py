"""Body files: metadata, one entry a line (The Sleuth Kit 3, `fls -m`), names escaped by the script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.hostnumber import MOST_SECONDS, parse_int, parse_timestamp

_TIME = r"\|([0-9]{1,11}(?:\.[0-9]{1,12})?)"
_PLAIN = re.compile(r"([0-9]{1,18})\|([0-9]{1,18})\|([0-9]{1,18})" + 4 * _TIME)
"""The numbers of nearly every line, read in one go; `parse_int` and `parse_timestamp` read the others."""
_ESCAPE = re.compile(r"\\(\\|\||x[0-9a-f]{2})")


class Entry(NamedTuple):
    """An entry; times are seconds since the epoch, 0 if unknown."""

    line: int
    name: str
    target: str
    """Of a link."""
    mode: str
    """As ls(1) has it: `-rwsr-xr-x`."""
    uid: int
    gid: int
    size: int
    accessed: float
    modified: float
    changed: float
    born: float


MODE, ACCESSED, MODIFIED, CHANGED = 2, 6, 7, 8
"""Fields of a line, counted from 0 for digest and name."""


def entries(
    collected: CollectionReader, artifact: str, likely: Callable[[list[str]], bool] = lambda _: True
) -> Iterator[Entry]:
    """Yield the entries of a body-file item; other lines are skipped.

    Lines on the collection's own toolkit directory are skipped too, and those whose fields, as they are written, are
    not `likely`: to read the numbers of a line takes ten times as long as to part it.
    """
    return entries_named(collected, artifact, lambda _, __: True, likely)


def later(field: str, since: float) -> bool:
    """Tell whether a time, as it is written, may lie after `since`, in seconds since the epoch.

    >>> [later(field, 1795400000) for field in ("1795400001.5", "1795399999.9", "12", "99999999999.0")]
    [True, False, True, True]
    """
    return field[10:11] != "." or field > f"{int(since)}"


def entries_named(
    collected: CollectionReader,
    artifact: str,
    wanted: Callable[[str, bool], bool],
    likely: Callable[[list[str]], bool] = lambda _: True,
) -> Iterator[Entry]:
    """Yield the entries that `wanted` returns True for; it is given the name, and whether the entry is a link."""
    own = collected.trace(artifact)
    for number, text in collected.lines(artifact):
        if own and own in text:
            continue
        fields = text.rsplit("|", 9)
        if len(fields) != 10 or not fields[0].startswith("0|") or not likely(fields):
            continue
        name, target, is_link = fields[0][2:], "", fields[2].startswith("l")
        if is_link:
            name, _, target = name.partition(" -> ")
        name = _unescaped(name)
        if not wanted(name, is_link):
            continue
        at = len(fields[0]) + len(fields[1]) + len(fields[2]) + 3
        numbers = _numbers(text, at) or _odd_numbers(fields[3:])
        if numbers is None:
            collected.meter.damage(f"{artifact}: entries with numbers that are none")
            continue
        yield Entry(number, name, _unescaped(target), fields[2], *numbers)


_Numbers: TypeAlias = tuple[int, int, int, float, float, float, float]


def _numbers(text: str, at: int) -> _Numbers | None:
    match = _PLAIN.fullmatch(text, at)
    if match is None:
        return None
    uid, gid, size, *times = match.groups()
    accessed, modified, changed, born = map(float, times)
    if max(accessed, modified, changed, born) > MOST_SECONDS:
        return None
    return int(uid), int(gid), int(size), accessed, modified, changed, born


def _odd_numbers(fields: Sequence[str]) -> _Numbers | None:
    uid, gid, size = (parse_int(field, signed=True) for field in fields[:3])
    if uid is None or gid is None or size is None:
        return None
    accessed, modified, changed, born = (parse_timestamp(field) or 0.0 for field in fields[3:])
    return uid, gid, size, accessed, modified, changed, born


def _unescaped(name: str) -> str:
    if "\\" not in name:
        return name
    return _ESCAPE.sub(lambda m: m[1] if len(m[1]) == 1 else chr(parse_int(m[1][1:], 2, base=16) or 0), name)

"""Body files: metadata, one entry a line (The Sleuth Kit 3, `fls -m`), names escaped by the script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.hostnumber import parse_int, parse_timestamp

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
        uid, gid, size = (parse_int(field, signed=True) for field in fields[3:6])
        if uid is None or gid is None or size is None:
            collected.meter.damage(f"{artifact}: entries with numbers that are none")
            continue
        times = (_time(field) for field in fields[6:])
        yield Entry(number, name, _unescaped(target), fields[2], uid, gid, size, *times)


def _time(field: str) -> float:
    return parse_timestamp(field) or 0.0


def _unescaped(name: str) -> str:
    if "\\" not in name:
        return name
    return _ESCAPE.sub(lambda m: m[1] if len(m[1]) == 1 else chr(parse_int(m[1][1:], 2, base=16) or 0), name)

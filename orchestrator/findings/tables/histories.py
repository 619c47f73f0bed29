"""Command histories, and signs of suppressed histories."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.provenance.typed import Purpose, purposes, undoes, undone_within
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of
from stopgap.orchestrator.hostnumber import parse_int


@table(
    "histories",
    reads="histories",
    fields={"path": "the file", "kind": "`file`, `link`, …", "target": "where a link leads", "size": "bytes"},
)
def histories(collected: CollectionReader) -> Iterator[Row]:
    """Files of histories."""
    for member in collected.members("histories"):
        row: Fields = {"path": member.name, "kind": member.kind, "target": member.target, "size": member.size}
        yield Row(row, Place("histories", None, member.name, member.offset))


@table(
    "history-lines",
    reads="histories",
    fields={"path": "the file", "text": "the line", "time": "seconds since the epoch, or 0 where it is not written"},
)
def history_lines(collected: CollectionReader) -> Iterator[Row]:
    """Lines of the histories of shells and clients, with timestamps if recorded (HISTTIMEFORMAT)."""
    for member in collected.members("histories"):
        if member.kind != "file":
            continue
        time = 0
        for number, text in text_of(member):
            stamp = re.fullmatch(r"#([0-9]{9,10})", text)
            zsh = re.match(r": ([0-9]{9,10}):[0-9]{1,10};(.*)", text, re.DOTALL)
            if stamp:
                time = parse_int(stamp[1], 10) or 0
                continue
            if zsh:
                time, text = parse_int(zsh[1], 10) or 0, zsh[2]  # noqa: PLW2901
            if text.strip() and (text.startswith(":") or not member.name.endswith(_OF_EDITORS)):
                row: Fields = {"path": member.name, "text": text, "time": time}
                yield Row(row, Place("histories", number, member.name), time)


_OF_EDITORS = ("/.viminfo", "/.nviminfo")
"""Of these, commands alone are lines that somebody typed; all else is what the editor remembers."""
NEAR = 20
"""Lines of a history between two commands that count as typed together."""
_TOGETHER = 3600
"""Seconds between two commands, where a history has times, that count as typed together."""
_LONGEST = 4096
"""Characters of a command that are looked at."""
_OF_SERVICE = re.compile(r"^/(var/(?!root)|srv/|nonexistent|usr/|opt/|etc/|bin/|tmp/|dev/)")


@dataclass(frozen=True)
class _Typed:
    number: int
    line: int
    text: str
    time: int
    purposes: tuple[Purpose, ...]


@table(
    "history-acts",
    reads="histories",
    fields={
        "path": "the file",
        "text": "the line",
        "act": "what it is for: `shell`, `fetch`, `traces`, `tools`, `stay`, `secrets` …",
        "weight": "0 to 4, of the line, with what was typed near it, and whose history it is",
        "beside": "what else was typed near it",
    },
)
def history_acts(collected: CollectionReader) -> Iterator[Row]:
    """Lines of histories that mean something, judged with their neighbours."""
    last, near, coming = "", deque[_Typed](), deque[_Typed]()
    count = 0
    for row in history_lines(collected):
        path, text = str(row.fields["path"]), str(row.fields["text"])[:_LONGEST]
        if path != last:
            yield from _judged(last, near, coming)
            last, count = path, 0
            near.clear()
        count += 1
        found = purposes(text)
        if found and undone_within(text):
            found = tuple(each._replace(weight=1) if each.act == "defences" else each for each in found)
        for at, typed in enumerate(coming):
            if undoes(text, typed.text):
                coming[at], found = replace(typed, purposes=_usual(typed.purposes)), _usual(found)
        if found:
            coming.append(_Typed(count, row.place.line or 0, text, int(row.fields["time"]), found))
        while coming and count - coming[0].number > NEAR:
            yield from _judged(last, near, coming, 1)
    yield from _judged(last, near, coming)


def _usual(found: tuple[Purpose, ...]) -> tuple[Purpose, ...]:
    """Weigh what was undone soon after, and what undid it, as what is usual for administrators as well."""
    return tuple(each._replace(weight=1) for each in found)


def _judged(path: str, near: deque[_Typed], coming: deque[_Typed], most: int = 0) -> Iterator[Row]:
    """Yield rows for the first `most` of the lines that are to be judged; for all by default."""
    for _ in range(most or len(coming)):
        typed = coming.popleft()
        while near and typed.number - near[0].number > NEAR:
            near.popleft()
        others = [other for other in (*near, *coming) if _typed_together(typed, other)]
        near.append(typed)
        purpose = max(typed.purposes, key=lambda each: each.weight)
        beside = _beside(purpose, [*typed.purposes, *(each for other in others for each in other.purposes)])
        weight = _weight(purpose.weight, beside, service=bool(_OF_SERVICE.match(path)))
        fields: Fields = {"path": path, "text": typed.text, "act": purpose.act, "weight": weight}
        fields |= {"beside": ", ".join(sorted(beside)) or "nothing of the kind"}
        yield Row(fields, Place("histories", typed.line, path), float(typed.time))


def _typed_together(one: _Typed, other: _Typed) -> bool:
    if one.time and other.time and abs(one.time - other.time) > _TOGETHER:
        return False
    return abs(one.number - other.number) <= NEAR


def _beside(purpose: Purpose, found: Sequence[Purpose]) -> dict[str, int]:
    """Return the other acts with their highest weights."""
    beside: dict[str, int] = {}
    for each in found:
        if each.act != purpose.act:
            beside[each.act] = max(beside.get(each.act, 0), each.weight)
    return beside


def _weight(own: int, beside: dict[str, int], *, service: bool) -> int:
    """Weigh a line: what administrators type as well counts only beside what they hardly ever do."""
    worst = max(beside.values(), default=0)
    total = own + sum(beside.values()) + (2 if service else 0)
    if own == 1 and worst < 2:
        return 1 if service else 0
    if own == 1:
        return 1 if total < 7 else 2
    alone = {2: 1, 3: 2, 4: 3}[own]
    if own == 2 and total >= 4 and (worst >= 2 or service):
        alone = 3 if total >= 9 and worst >= 3 else 2
    if own == 3 and total >= 6:
        alone = 3
    if own == 4 and total >= 8:
        alone = 4
    return min(4, alone + (service and alone < 3))

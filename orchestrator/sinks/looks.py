"""What looks at devices and at the clock have shown: events that no run has on record.

`status` and `events --follow` write them to `looks.jsonl` of the state folder, each once until it changes.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from stopgap.orchestrator.documents.envelope import rfc3339
from stopgap.orchestrator.documents.event import event
from stopgap.orchestrator.documents.notices import Notice, changed_by_others
from stopgap.orchestrator.text import moment_text, tr

NAME = "looks"
"""Stands for a run in the ids of these events: `looks/NUMBER`."""
_FILE = "looks.jsonl"
State: TypeAlias = Literal["changed", "gone", "in-force"]


@dataclass(frozen=True)
class Look:
    """What was seen of one step of a run on one host."""

    run: str
    step: str
    target: str
    host: str
    state: State | None = None
    """None: no device was looked at, or the device did not tell."""
    reason: str = ""
    ends: datetime | None = None
    """When the effect ends by itself, if that is soon."""


def note(home: Path, looked: Iterable[Look]) -> list[dict[str, Any]]:
    """Append what was not told before, and return these events; a folder that cannot be written has none."""
    try:
        with _locked(home) as descriptor:
            told = [json.loads(line) for line in _lines(descriptor)]
            new = list(_new(told, looked))
            if new:
                os.write(descriptor, b"".join(json.dumps(each).encode("ascii") + b"\n" for each in new))
            return new
    except (OSError, ValueError):
        return []


def after(home: Path, first: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the events from number `first` on, each with its number."""
    with suppress(OSError, ValueError):
        for number, line in enumerate((home / _FILE).read_text("ascii").splitlines()):
            if number >= first:
                yield number, json.loads(line)


def last(home: Path) -> int:
    """Return the number of the last event; -1 for none."""
    return sum(1 for _ in after(home, 0)) - 1


def _new(told: list[dict[str, Any]], looked: Iterable[Look]) -> Iterator[dict[str, Any]]:
    states: dict[tuple[str, str, str], str] = {}
    ends: dict[tuple[str, str, str], str] = {}
    for each in told:
        place = each["run"], each["step"], each["target"]
        if each["event"] == "block-ends-soon":
            ends[place] = each["until"]
        else:
            states[place] = each["state"]
    number = len(told)
    for look in looked:
        place = look.run, look.step, look.target
        for notice in _notices(look, states.get(place, "in-force"), ends.get(place, "")):
            yield event(
                notice.event,
                notice.severity,
                notice.summary,
                at=datetime.now(UTC),
                id_=f"{NAME}/{number}",
                run=look.run,
                host=look.host,
                step=look.step,
                target=look.target,
                fields=notice.fields,
            )
            number += 1


def _notices(look: Look, state: str, until: str) -> Iterator[Notice]:
    if look.state in {"changed", "gone"} and look.state != state:
        yield changed_by_others(look.state, look.reason, host=look.host)
    elif look.state == "in-force" and state != "in-force":
        summary = tr("{host}: in force again, as it was made", host=look.host)
        yield Notice("in-force-again", "info", summary, {"state": "in-force", "reason": ""})
    if look.ends is not None and look.ends.strftime("%Y-%m-%dT%H") not in until:
        when = moment_text(look.ends)
        summary = tr("{host}: the block of {target} ends soon, {when}", host=look.host, target=look.target, when=when)
        yield Notice("block-ends-soon", "high", summary, {"until": rfc3339(look.ends)})


@contextmanager
def _locked(home: Path) -> Iterator[int]:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(home / _FILE, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _lines(descriptor: int) -> list[bytes]:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        return stream.read().splitlines()

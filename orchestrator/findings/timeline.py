"""A timeline of all dated evidence: metadata, logs, logins, histories, packages, and actions of Stopgap.

Events are JSON lines with `message`, `datetime` (ISO 8601, UTC) and `timestamp_desc`, as required by Timesketch
(guide "Create timeline from JSON/JSONL/CSV file").
"""

from __future__ import annotations

import heapq
import json
import math
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.tables.body import entries
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.histories import history_lines
from stopgap.orchestrator.findings.tables.logs import records
from stopgap.orchestrator.findings.tables.moments import as_iso, of_iso, of_syslog
from stopgap.orchestrator.findings.tables.requests import log_lines, requests
from stopgap.orchestrator.hosttext import escape_tree
from stopgap.orchestrator.journal.reserve import room

AT_ONCE = 100_000
"""Events that are sorted in memory; more go through temporary files."""
_HELD = 64 << 20
"""Characters of events that are sorted in memory, if these are fewer."""
MOST = 4 << 30
"""Bytes of all events together; what is read after them is left out."""
LONGEST = 4096
"""Characters of a message."""
_LOGS = re.compile(
    r"/var/log/(?:auth\.log|secure|syslog|messages|daemon\.log|kern\.log|mail\.(?:log|err|warn|info)|maillog"
    r"|cron(?:\.log)?|user\.log|debug|dpkg\.log|yum\.log|dnf\.log|apt/history\.log)(?:[.-]\d+)?(?:\.gz)?$"
)
_PACKAGES = re.compile(r"/(?:dpkg|yum|dnf|history)\.log")
_DPKG = re.compile(r"\S+ \S+ (?:install|upgrade|remove|purge|status installed|status not-installed) ")
_LOGIN_KINDS = {1: "run level", 2: "boot", 5: "process started", 6: "login waits", 7: "login", 8: "logout"}
"""Kinds of record in utmp(5)."""
_TIMES = (
    ("Content Modification Time", "modified"),
    ("Last Access Time", "accessed"),
    ("Metadata Modification Time", "changed"),
    ("Creation Time", "born"),
)


class Event(NamedTuple):
    """A dated event."""

    time: float
    """Seconds since the epoch."""
    what: str
    """The meaning of the time."""
    message: str
    source: str
    """The item, and the file in it."""
    kind: str


@dataclass(frozen=True)
class Work:
    """The period of Stopgap's work, in seconds since the epoch, with actions."""

    began: float
    ended: float
    done: tuple[tuple[float, str, str], ...]
    """Time, host, what."""


@dataclass(frozen=True)
class Window:
    """A period by the controller's clock, in seconds since the epoch, ends included."""

    since: float = 0.0
    until: float = math.inf

    def has(self, time: float) -> bool:
        """Return True if the period contains the time."""
        return self.since <= time <= self.until


def timeline(
    all_collected: Iterable[CollectionReader], work: Work | None = None, window: Window = Window()
) -> Iterator[str]:
    """Yield the events of the period as JSON lines, oldest first. Actions of Stopgap have `ours`: true.

    Events on the host during Stopgap's work have `during_run`: true; such an event may be a trace of Stopgap.
    """
    yield from _in_order(_lines(all_collected, work, window))


def _lines(
    all_collected: Iterable[CollectionReader], work: Work | None, window: Window
) -> Iterator[tuple[float, str]]:
    left = MOST
    for collected in all_collected:
        # The host's clock, for comparison with the host's own times.
        skew = collected.manifest.clock_skew or 0.0
        for event in events(collected):
            if not window.has(event.time - skew):
                continue
            during = work is not None and work.began + skew <= event.time <= work.ended + skew
            line = _line(event, collected.manifest.host, ours=False, during=during)
            left -= len(line)
            if left < 0 or (left % _HELD < len(line) and room(Path(tempfile.gettempdir())) < 2 * _HELD):
                collected.meter.leave_out("more events than there is room for in the folder for temporary files")
                break
            yield event.time, line
    for time, host, what in work.done if work else ():
        if not window.has(time):
            continue
        event = Event(time, "Action of Stopgap", f"Stopgap: {what}", "journal", "stopgap:action")
        yield time, _line(event, host, ours=True, during=True)


def events(collected: CollectionReader) -> Iterator[Event]:
    """Give the events of a collection, in no order."""
    yield from _metadata(collected)
    yield from _logs(collected)
    for row in requests(collected):
        fields = row.fields
        if time := float(fields["time"]):
            text = f"{fields['address']} {fields['method']} {fields['path']} {fields['status']} {fields['agent']}"
            yield Event(time, "Request", text, f"logs:{row.place.member}", "apache:access")
    for row in history_lines(collected):
        if time := float(row.fields["time"]):
            text = f"{row.fields['path']}: {row.fields['text']}"
            yield Event(time, "Command typed", text, f"histories:{row.place.member}", "bash:history")
    for _, text in collected.lines("kernel-log"):
        if time := of_iso(text.partition(" ")[0]):
            yield Event(time, "Log line", text.partition(" ")[2], "kernel-log", "linux:dmesg")


def _metadata(collected: CollectionReader) -> Iterator[Event]:
    for entry in entries(collected, "bodyfile"):
        by_time: dict[float, list[str]] = {}
        for what, field in _TIMES:
            if time := float(getattr(entry, field)):
                by_time.setdefault(time, []).append(what)
        shown = f"{entry.name} -> {entry.target}" if entry.target else entry.name
        for time, what_all in by_time.items():
            text = f"{shown} {entry.mode} {entry.uid}:{entry.gid} {entry.size} bytes"
            yield Event(time, "; ".join(what_all), text, "bodyfile", "fs:stat")


def _logs(collected: CollectionReader) -> Iterator[Event]:
    now = collected_at(collected)
    for member in collected.members("logs"):
        if member.kind != "file":
            continue
        if re.search(r"/[wb]tmp(?:\.\d+)?$", member.name):
            yield from _records(member)
        elif _LOGS.search(member.name):
            packages = bool(_PACKAGES.search(member.name))
            for _, text in log_lines(member):
                if packages and member.name.startswith("/var/log/dpkg") and not _DPKG.match(text):
                    continue
                if time := of_syslog(text, now):
                    what, kind = ("Package Time", "package:log") if packages else ("Log line", "syslog:line")
                    yield Event(time, what, text, f"logs:{member.name}", kind)


def _records(member: Member) -> Iterator[Event]:
    failed = "btmp" in member.name
    for login in records(member):
        if login.time > 0:
            what = "failed login" if failed else _LOGIN_KINDS.get(login.kind, f"kind {login.kind}")
            text = f"{what}: {login.user} {login.line} {login.host}".rstrip()
            yield Event(login.time, "Login record", text, f"logs:{member.name}", "linux:utmp")


def _line(event: Event, host: str, *, ours: bool, during: bool) -> str:
    fields = {
        "schema": "stopgap.timeline",
        "version": 1,
        "message": event.message[:LONGEST],
        "datetime": as_iso(event.time),
        "timestamp_desc": event.what,
        "host": host,
        "source": event.source,
        "data_type": event.kind,
        "ours": ours,
        "during_run": during,
    }
    return json.dumps(escape_tree(fields))


def _in_order(lines: Iterator[tuple[float, str]]) -> Iterator[str]:
    """Sort by time in bounded memory: in parts, with temporary files for large inputs."""
    with ExitStack() as files:
        parts: list[IO[str]] = []
        held: list[str] = []
        size = 0
        for time, line in lines:
            held.append(f"{max(0.0, time):020.6f}\t{line}\n")
            size += len(held[-1])
            if len(held) >= AT_ONCE or size >= _HELD:
                part = files.enter_context(tempfile.TemporaryFile("w+", encoding="ascii"))
                part.writelines(sorted(held))
                part.seek(0)
                parts.append(part)
                held, size = [], 0
        for line in heapq.merge(*parts, sorted(held)):
            yield line.partition("\t")[2].rstrip("\n")

"""Terminal sessions from login records: accounts, and disagreement between two records."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import accounts
from stopgap.orchestrator.findings.tables.logs import Login, records
from stopgap.orchestrator.findings.tables.moments import as_iso

LASTLOG = struct.Struct("<i32s256s")
"""A record of lastlog, 292 bytes, at its user's number (lastlog(8), on x86-64 and most others)."""
LARGEST = 64 << 20
"""Bytes of lastlog that are read: users up to number 229 824."""
NEAR = 60.0
"""Seconds by which two records of one login may differ."""
_BOOT, _USER, _ENDED = 2, 7, 8
"""Kinds of record in utmp(5)."""
_TERMINAL = re.compile(r"pts/\d+|tty\w+|console|hvc\d+")
_WTMP = re.compile(r"/var/log/wtmp([.-]\d+)?(\.\w+)?")


@dataclass(slots=True)
class _Typed:
    place: Place
    sessions: int = 0
    seconds: float = 0.0
    """Of the longest."""
    began: float = 0.0


class _Last(NamedTuple):
    uid: int
    time: float
    line: str
    host: str
    place: Place


@table(
    "terminal-sessions",
    reads="logs configuration",
    fields={
        "name": "the account",
        "uid": "its number",
        "home": "its home",
        "shell": "its shell",
        "sessions": "its sessions at a terminal that have ended, by wtmp",
        "minutes": "the longest of them",
    },
)
def terminal_sessions(collected: CollectionReader) -> Iterator[Row]:
    """Accounts with a terminal session, and so with possible typing."""
    typed: dict[str, _Typed] = {}
    for member in _wtmp(collected):
        began: dict[str, Login] = {}
        for login in records(member):
            if login.kind == _BOOT:
                began.clear()
            elif not _TERMINAL.fullmatch(login.line):
                continue
            elif login.kind == _USER and collected.meter.hold("terminals", login.line, login.user):
                began[login.line] = login
            elif login.kind == _ENDED and (first := began.pop(login.line, None)):
                if first.user not in typed and not collected.meter.hold("accounts", first.user, member.name):
                    continue
                place = Place("logs", None, member.name, member.offset)
                known = typed.setdefault(first.user, _Typed(place))
                known.sessions += 1
                if login.time - first.time > known.seconds:
                    known.seconds, known.began = login.time - first.time, first.time
    for row in accounts(collected):
        if of_account := typed.get(str(row.fields["name"])):
            fields: Fields = {key: row.fields[key] for key in ("name", "uid", "home", "shell")}
            fields |= {"sessions": of_account.sessions, "minutes": round(of_account.seconds / 60, 1)}
            yield Row(fields, of_account.place, of_account.began)


@table(
    "last-logins",
    reads="logs configuration",
    fields={
        "name": "the account, or its number",
        "uid": "its number",
        "line": "the terminal",
        "host": "from where",
        "time": "when, in UTC",
        "recorded": "wtmp has this login as well",
        "covered": "wtmp has older records, or has never been rotated: it should have this one",
    },
)
def last_logins(collected: CollectionReader) -> Iterator[Row]:
    """The last login of each account by lastlog, against wtmp."""
    item = collected.item("logs")
    if item is None or item.truncated:
        return  # an entry missing from a truncated archive may exist on the host
    names = account_names(collected)
    last = list(_last(collected))
    users = {(names.get(entry.uid, ""), entry.line): entry for entry in last}
    recorded: set[int] = set()
    earliest, rotated = float("inf"), False
    for member in _wtmp(collected, packed=True):
        rotated = rotated or member.name != "/var/log/wtmp"
        for login in records(member) if not member.name.endswith((".gz", ".xz", ".zst", ".bz2")) else ():
            earliest = min(earliest, login.time or earliest)
            entry = users.get((login.user, login.line)) if login.kind == _USER else None
            if entry and abs(entry.time - login.time) <= NEAR:
                recorded.add(entry.uid)
    for entry in last:
        row: Fields = {"name": names.get(entry.uid, str(entry.uid)), "uid": entry.uid, "line": entry.line}
        row |= {"host": entry.host, "time": as_iso(entry.time)[:19], "recorded": entry.uid in recorded}
        yield Row(row | {"covered": not rotated or earliest <= entry.time}, entry.place, entry.time)


def account_names(collected: CollectionReader) -> dict[int, str]:
    """Return account names by user id; the last of several equal ids counts."""
    found: dict[int, str] = {}
    for row in accounts(collected):
        uid, name = int(row.fields["uid"]), str(row.fields["name"])
        if collected.meter.hold("accounts", name):
            found[uid] = name
    return found


def _last(collected: CollectionReader) -> Iterator[_Last]:
    """Yield the records of lastlog with a login."""
    for member in collected.members("logs"):
        if member.kind != "file" or member.name != "/var/log/lastlog":
            continue
        rest, uid = b"", 0
        for chunk in member.chunks(LARGEST, holes=True):
            rest += chunk
            whole = len(rest) - len(rest) % LASTLOG.size
            for seconds, line, host in LASTLOG.iter_unpack(rest[:whole]):
                texts = (_text(line), _text(host), member.name) if seconds > 0 else ()
                if texts and collected.meter.hold("last logins", *texts):
                    yield _Last(uid, float(seconds), *texts[:2], Place("logs", None, member.name, member.offset))
                uid += 1
            rest = rest[whole:]


def _wtmp(collected: CollectionReader, *, packed: bool = False) -> Iterator[Member]:
    for member in collected.members("logs"):
        found = _WTMP.fullmatch(member.name)
        if member.kind == "file" and found and (packed or not found[2]):
            yield member


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")

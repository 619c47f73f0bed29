"""System logs: logins, and signs of tampering."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader, Line
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.journal import LOGIN, auth_logs, system_logs
from stopgap.orchestrator.findings.tables.moments import of_syslog
from stopgap.orchestrator.findings.tables.requests import log_lines
from stopgap.orchestrator.hostnumber import parse_int

_TEXT = re.compile(
    r"/var/log/(?:auth\.log|secure|syslog|messages|daemon\.log|kern\.log|cron(?:\.log)?)(?:[.-]\d+)?(?:\.gz)?$"
)
_AUDIT = re.compile(r"/var/log/audit/audit\.log(?:\.\d+)?(?:\.gz)?$")
_STEADY = re.compile(r"/(?:syslog|messages)[^/]*$")
_BOOT = re.compile(
    r"(?:kernel: .{0,60}Linux version |systemd\[1\]: (?:systemd .{0,200} running in|Starting |Started )"
    r"|rsyslogd: .{0,300}start)"
)
_RISE = re.compile(r"\b(sudo|su)(?:\[\d+\])?: +(.*)")
_PACKED = frozenset({"gz", "xz", "bz2", "zst"})
_ZEROS = b"\0" * 256
"""In any log that is text: its writer went on where it was after somebody had cut the file (ftruncate(2))."""
_MOST_OF_LOG = 16 << 20
"""Bytes of a log that is none of the system's own, of which that is asked."""
GAP = 6 * 3600.0
"""Seconds without a line in a log that has one every hour on most hosts."""

UTMP = struct.Struct("<hxxi32s4s32s256shhiii16s20x")
"""A record of wtmp, btmp and utmp, 384 bytes (utmp(5), on x86-64 and most others)."""


class Login(NamedTuple):
    """A record of wtmp or btmp."""

    number: int
    """From 1."""
    kind: int
    pid: int
    line: str
    user: str
    host: str
    time: float


@table(
    "logins",
    reads="logs",
    also="journal-lines",
    fields={
        "how": "`Accepted` or `Failed`",
        "method": "`publickey`, `password` …",
        "user": "as whom",
        "address": "from where",
        "failures": "how often that address had failed before, in the same log",
    },
)
def logins(collected: CollectionReader) -> Iterator[Row]:
    """Logins over SSH, with the number of earlier failures from the same address."""
    now = collected_at(collected)
    for log in auth_logs(collected):
        failures: dict[str, int] = {}
        for number, text in log.lines:
            found = LOGIN.search(text[:2048])
            if not found:
                continue
            how, method, user, address, _ = found.groups()
            before = failures.get(address, 0)
            if how == "Failed" and (before or collected.meter.hold("addresses that failed to log in", address)):
                failures[address] = before + 1
            row: Fields = {"how": how, "method": method, "user": user, "address": address, "failures": before}
            yield Row(row, Place(log.artifact, number, log.name), of_syslog(text, now))


@table(
    "login-failures",
    reads="logs",
    also="journal-lines",
    fields={
        "log": "the log",
        "count": "logins that failed",
        "addresses": "how many addresses they came from",
        "most": "the address that failed most often",
    },
)
def login_failures(collected: CollectionReader) -> Iterator[Row]:
    """Logs with logins over SSH that failed."""
    for log in auth_logs(collected):
        counts: dict[str, int] = {}
        first = 0
        for number, text in log.lines:
            found = LOGIN.search(text[:2048])
            if not found or found[1] != "Failed":
                continue
            first = first or number
            if found[4] in counts or collected.meter.hold("addresses that failed to log in", found[4]):
                counts[found[4]] = counts.get(found[4], 0) + 1
        if counts:
            row: Fields = {"log": log.name or "journal", "count": sum(counts.values()), "addresses": len(counts)}
            yield Row(
                row | {"most": max(counts, key=lambda each: counts[each])}, Place(log.artifact, first, log.name)
            )


@table(
    "rises",
    reads="logs",
    also="journal-lines",
    fields={
        "tool": "`sudo` or `su`",
        "text": "what the log says",
        "who": "its first word: who did it",
        "command": "the program, without its arguments",
    },
)
def rises(collected: CollectionReader) -> Iterator[Row]:
    """Uses of sudo and su."""
    now = collected_at(collected)
    for log in auth_logs(collected):
        for number, text in log.lines:
            found = _RISE.search(text[:4096])
            if found and ("COMMAND=" in found[2] or "opened for user" in found[2] or "FAILED" in found[2]):
                command = found[2].partition("COMMAND=")[2].partition(" ")[0]
                row: Fields = {"tool": found[1], "text": found[2], "who": found[2].split()[0], "command": command}
                yield Row(row, Place(log.artifact, number, log.name), of_syslog(text, now))


@table("auth-lines", reads="logs", also="journal-lines", fields={"text": "the line"})
def auth_lines(collected: CollectionReader) -> Iterator[Row]:
    """Lines of the logs about logins and accounts."""
    now = collected_at(collected)
    for log in auth_logs(collected):
        for number, text in log.lines:
            yield Row({"text": text[:4096]}, Place(log.artifact, number, log.name), of_syslog(text, now))


@table("log-lines", reads="logs", also="journal-lines", fields={"path": "the log", "text": "the line"})
def lines(collected: CollectionReader) -> Iterator[Row]:
    """Lines of the system logs, login logs included."""
    now = collected_at(collected)
    for log in system_logs(collected, _TEXT):
        for number, text in log.lines:
            row: Fields = {"path": log.name or "journal", "text": text[:4096]}
            yield Row(row, Place(log.artifact, number, log.name), of_syslog(text, now))


@table("audit-lines", reads="logs", fields={"text": "the line"})
def audit_lines(collected: CollectionReader) -> Iterator[Row]:
    """Lines of auditd's log."""
    for member in _matching(collected, _AUDIT):
        for number, text in log_lines(member):
            stamp = re.search(r"msg=audit\(([0-9]{1,11})\.", text[:200])
            time = float(parse_int(stamp[1], 11) or 0) if stamp else 0.0
            yield Row({"text": text[:8192]}, Place("logs", number, member.name), time)


@table(
    "log-gaps",
    reads="logs",
    also="journal-lines",
    fields={"log": "the log", "hours": "how long nothing was written", "boot": "the host started at its end"},
)
def log_gaps(collected: CollectionReader) -> Iterator[Row]:
    """Gaps of hours in logs with steady output."""
    now = collected_at(collected)
    for log in system_logs(collected, _STEADY):
        last = 0.0
        for number, text in log.lines:
            time = of_syslog(text, now)
            if last and time - last >= GAP:
                row: Fields = {"log": log.name or "journal", "hours": round((time - last) / 3600, 1)}
                row |= {"boot": bool(_BOOT.search(text))}
                yield Row(row, Place(log.artifact, number, log.name), last)
            last = time or last


@table(
    "log-turns",
    reads="logs",
    also="journal-lines",
    fields={"log": "the log", "hours": "by how much the time of a line is before that of the line above it"},
)
def log_turns(collected: CollectionReader) -> Iterator[Row]:
    """Places in a system log with a step back in time of more than an hour."""
    now = collected_at(collected)
    for log in system_logs(collected, _STEADY):
        last = 0.0
        for number, text in log.lines:
            time = of_syslog(text, now)
            if time and time < last - 3660:
                row: Fields = {"log": log.name or "journal", "hours": round((last - time) / 3600, 1)}
                yield Row(row, Place(log.artifact, number, log.name), time)
            last = time or last


@table("log-series", reads="logs", fields={"missing": "the file that is not there", "later": "one behind it that is"})
def log_series(collected: CollectionReader) -> Iterator[Row]:
    """Holes in the series of rotated logs: `auth.log.2.gz` is there, and `auth.log.1` is not."""
    found: dict[str, dict[int, _Rotated]] = {}
    for member in collected.members("logs"):
        base, number = _series(member.name)
        if _TEXT.search(base) and collected.meter.hold("logs", base, member.name):
            found.setdefault(base, {}).setdefault(number, _Rotated(member.name, member.offset))
    for base, numbers in found.items():
        for missing in sorted(set(range(max(numbers))) - set(numbers)):
            later = numbers[min(number for number in numbers if number > missing)]
            row: Fields = {"missing": f"{base}.{missing}" if missing else base, "later": later.name}
            yield Row(row, Place("logs", None, later.name, later.offset))


class _Rotated(NamedTuple):
    name: str
    offset: int


def _series(name: str) -> tuple[str, int]:
    """Return the log of a file, and the rotation number; 0 for the current log."""
    stem, dot, last = name.rpartition(".")
    if dot and last in _PACKED:
        stem, dot, last = stem.rpartition(".") if "." in stem else (stem, "", "")
    number = parse_int(last, 3) if dot else None
    if number is not None:
        return stem, number
    return f"{stem}{dot}{last}", 0


@table(
    "log-files",
    reads="logs",
    fields={
        "path": "the file",
        "kind": "`file`, `link` …",
        "target": "where a link leads",
        "size": "bytes",
        "zeros": "lines that hold NUL bytes, as an edited or cut log does",
        "main": "one of the system's own logs",
    },
)
def log_files(collected: CollectionReader) -> Iterator[Row]:
    """The files below /var/log."""
    for member in collected.members("logs"):
        main = bool(_TEXT.search(member.name))
        zeros = 0
        if member.kind == "file" and main:
            zeros = sum("\0" in text for _, text in log_lines(member))
        elif member.kind == "file" and member.name.endswith(".log"):
            zeros = int(any(_ZEROS in chunk for chunk in member.chunks(_MOST_OF_LOG, holes=True)))
        row: Fields = {"path": member.name, "kind": member.kind, "target": member.target, "size": member.size}
        yield Row(row | {"zeros": zeros, "main": main}, Place("logs", None, member.name, member.offset))


@table(
    "login-records",
    reads="logs",
    fields={
        "path": "the file",
        "size": "bytes",
        "whole": "its length is a multiple of a record's",
        "blank": "records that were overwritten with zeros",
        "backward": "records that are more than an hour older than the one before them",
    },
)
def login_records(collected: CollectionReader) -> Iterator[Row]:
    """The records of logins, wtmp and btmp, as files."""
    for member in collected.members("logs"):
        if member.kind != "file" or not re.search(r"/[wb]tmp(?:\.\d+)?$", member.name):
            continue
        blank = backward = 0
        last = 0.0
        for login in records(member):
            blank += not login.kind and not login.time and not login.user
            backward += bool(login.time) and login.time < last - 3600
            last = login.time or last
        row: Fields = {"path": member.name, "size": member.size, "whole": member.size % UTMP.size == 0}
        yield Row(row | {"blank": blank, "backward": backward}, Place("logs", None, member.name, member.offset))


def records(member: Member) -> Iterator[Login]:
    """Give the records of a file of utmp(5), 64 MB at most."""
    rest, number = b"", 0
    for chunk in member.chunks(64 << 20, holes=True):
        rest += chunk
        whole = len(rest) - len(rest) % UTMP.size
        for fields in UTMP.iter_unpack(rest[:whole]):
            number += 1
            kind, pid, line, _, user, host, _, _, _, seconds, micro, _ = fields
            yield Login(number, kind, pid, _text(line), _text(user), _text(host), seconds + micro / 1e6)
        rest = rest[whole:]


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _matching(collected: CollectionReader, pattern: re.Pattern[str]) -> Iterator[Member]:
    return (member for member in collected.members("logs") if member.kind == "file" and pattern.search(member.name))


_RECORDED = re.compile(r"systemd-update-utmp|Record System (?:Boot|Reboot)")


_DATABASE = re.compile(r"^/var/(?:log|lib/\w+)/(?:wtmp|lastlog2?)\.db$")


@table(
    "emptied-records",
    reads="logs journal-lines",
    also="login-databases",
    fields={"path": "the file", "because": "what says that it was written"},
)
def emptied_records(collected: CollectionReader) -> Iterator[Row]:
    """Records of logins that are empty: databases, and files of which the journal tells that a start was written there."""
    for archive in ("login-databases", "logs"):
        for member in collected.members(archive):
            if member.kind == "file" and not member.size and _DATABASE.search(member.name):
                place = Place(archive, None, member.name, member.offset)
                yield Row({"path": member.name, "because": "a database is never without its head"}, place)
    if not any(_RECORDED.search(text[:512]) for _, text in collected.lines("journal-lines")):
        return
    empty: dict[str, Place] = {}
    rotated = False
    for member in collected.members("logs"):
        if member.name in {"/var/log/wtmp", "/var/log/lastlog"} and member.kind == "file" and not member.size:
            empty[member.name] = Place("logs", None, member.name, member.offset)
        rotated = rotated or bool(re.fullmatch(r"/var/log/wtmp[.-]\d+(\.\w+)?", member.name))
    if "/var/log/wtmp" in empty and not rotated:
        for path, place in empty.items():
            yield Row({"path": path, "because": "the journal tells of a start that was written to wtmp"}, place)


_WRITTEN = re.compile(
    r"/var/log/(?:auth\.log|secure|syslog|messages|daemon\.log|cron(?:\.log)?|kern\.log|mail\.log)(?:[.-]\d+)?(?:\.gz)?$"
)
_BEGINS = re.compile(
    r"systemd-logind\[\d+\]: (?:New seat|Watching)|sshd\[\d+\]: Server listening|cron\[\d+\]: \(CRON\) INFO|: starting the Postfix"
)
"""What services write first when the host has started."""
_STEADY_PAUSE = 900.0
"""Seconds: where nine of ten pauses are no longer, the log has a rhythm of its own."""
_MANY_PAUSES = 200
_LONG_HOLE = 3 * 3600.0
_BY_FAR = 4
_HOLE = 1800.0
"""Seconds without a line from which on a log is set against the others."""
_RHYTHM = 12
"""How many times longer than nine of ten pauses a hole is."""
_LEAST_PAUSES = 10
_MOST_HOLES = 100
_BUCKET = 300
"""Seconds of which lines are counted together."""


@table(
    "log-holes",
    reads="logs",
    also="journal-lines",
    fields={
        "log": "the log",
        "hours": "how long it lacks lines",
        "usual": "minutes: nine of ten of its pauses are no longer",
        "others": "lines that other logs, or the journal, have of that time",
        "alone": "the log has a steady rhythm, no second hole is near as long, and no start of the host ends it",
    },
)
def log_holes(collected: CollectionReader) -> Iterator[Row]:
    """Times without a line in one log that are long for it, and in which others were written."""
    now = collected_at(collected)
    counts: dict[int, dict[str, int]] = {}
    holes: list[_Hole] = []
    for member in _matching(collected, _WRITTEN):
        holes += _holes(member.name, log_lines(member), now, counts)
    for _, text in collected.lines("journal-lines") if holes else ():
        if time := of_syslog(text, now):
            _count(counts, "journal", time)
    for name, number, begin, end, usual, alone in holes[:_MOST_HOLES]:
        others = sum(
            count
            for bucket in range(int(begin // _BUCKET) + 1, int(end // _BUCKET))
            for log, count in counts.get(bucket, {}).items()
            if log != name
        )
        row: Fields = {"log": name, "hours": round((end - begin) / 3600, 1), "usual": round(usual / 60, 1)}
        yield Row(row | {"others": others, "alone": alone}, Place("logs", number, name), begin)


class _Hole(NamedTuple):
    log: str
    line: int
    begin: float
    end: float
    usual: float
    alone: bool


def _holes(name: str, lines: Iterator[Line], now: float, counts: dict[int, dict[str, int]]) -> list[_Hole]:
    pauses = [0] * 64
    long: list[tuple[int, float, float, bool]] = []
    last = 0.0
    for number, text in lines:
        time = of_syslog(text, now)
        if not time:
            continue
        _count(counts, name, time)
        if last and time > last:
            pauses[min(63, int(time - last).bit_length())] += 1
            if time - last >= _HOLE and len(long) < 10_000:
                long.append((number, last, time, bool(_BOOT.search(text) or _BEGINS.search(text))))
        last = max(time, last)
    total, below, usual = sum(pauses), 0, 0.0
    for bits, count in enumerate(pauses):
        below += count
        if below >= total * 0.9:
            usual = float(1 << bits)
            break
    if total < _LEAST_PAUSES:
        return []
    long.sort(key=lambda hole: hole[1] - hole[2])
    second = long[1][2] - long[1][1] if len(long) > 1 else usual
    steady = total >= _MANY_PAUSES and usual <= _STEADY_PAUSE
    return [
        _Hole(
            name, number, begin, end, usual,
            steady and not boot and end - begin >= max(_LONG_HOLE, _BY_FAR * second) and at == 0,
        )
        for at, (number, begin, end, boot) in enumerate(long)
        if end - begin > _RHYTHM * usual
    ][:_MOST_HOLES]  # fmt: skip


def _count(counts: dict[int, dict[str, int]], log: str, time: float) -> None:
    bucket = int(time // _BUCKET)
    if bucket in counts or len(counts) < 100_000:
        of = counts.setdefault(bucket, {})
        of[log] = of.get(log, 0) + 1

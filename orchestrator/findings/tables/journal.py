"""The lines of systemd's journal: what there is to read where a host keeps no text logs, and what those lack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stopgap.orchestrator.evidence.reader import CollectionReader, Line
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.moments import of_syslog
from stopgap.orchestrator.findings.tables.requests import log_lines

ITEM = "journal-lines"
_AUTH = re.compile(r"/var/log/(?:auth\.log|secure)(?:[.-]\d+)?(?:\.gz)?$")
LOGIN = re.compile(
    r"sshd(?:-session)?\[\d+\]: (Accepted|Failed) (\S+) for (?:invalid user )?(\S*) from (\S+) port (\d+)?"
)
"""What sshd(8) says of a login: how, by which method, as whom, from which address and port."""
_SPEAKERS = re.compile(
    r"\S+ \S+ (?:sshd(?:-session)?|sudo|su|login|systemd-logind|pkexec|polkitd|CRON|"
    r"(?:user|group)(?:add|mod|del)|(?:ch|g)?passwd|chfn|chsh|chage)(?:\[\d+\])?: "
)


class Log(NamedTuple):
    """A log: a file of the item `logs`, or the journal."""

    artifact: str
    name: str
    """The file, or nothing."""
    lines: Iterable[Line]


def auth_logs(collected: CollectionReader) -> Iterator[Log]:
    """Give the logs of logins and accounts; where none has anything in it, what the journal has of such programs."""
    return _logs(collected, _AUTH, _spoken(collected))


def system_logs(collected: CollectionReader, pattern: re.Pattern[str]) -> Iterator[Log]:
    """Give the text logs whose path the pattern finds; the journal's lines where none has anything in it."""
    return _logs(collected, pattern, _dated(collected))


def _logs(collected: CollectionReader, pattern: re.Pattern[str], instead: Iterator[Line]) -> Iterator[Log]:
    found = False
    for member in collected.members("logs"):
        if member.kind == "file" and pattern.search(member.name):
            found = found or member.size > 0
            yield Log("logs", member.name, log_lines(member))
    if not found:
        yield Log(ITEM, "", instead)


@table(
    "journal-logins",
    reads="journal-lines logs",
    fields={"user": "as whom", "address": "from where", "method": "`publickey`, `password` …", "time": "when"},
)
def journal_logins(collected: CollectionReader) -> Iterator[Row]:
    """Logins over SSH that the journal has, and the log of logins from that time on has not."""
    item, now = collected.item("logs"), collected_at(collected)
    if item is None or item.truncated:
        return  # what is missing from half an archive is not missing from the host
    known: set[tuple[str, ...]] = set()
    earliest = float("inf")
    for log in auth_logs(collected):
        for _, text in log.lines if log.name else ():
            earliest = min(earliest, of_syslog(text, now) or earliest)
            found = LOGIN.search(text[:2048])
            if found and found[1] == "Accepted" and found.groups()[1:] not in known:
                if not collected.meter.hold("logins", *(found.groups("")[1:])):
                    return  # what is missing from half of them is not missing
                known.add(found.groups()[1:])
    for number, text in _spoken(collected):
        found, time = LOGIN.search(text[:2048]), of_syslog(text, now)
        if found and found[1] == "Accepted" and time >= earliest and found.groups()[1:] not in known:
            row: Fields = {"user": found[3], "address": found[4], "method": found[2], "time": text.partition(" ")[0]}
            yield Row(row, Place(ITEM, number), time)


def _dated(collected: CollectionReader) -> Iterator[Line]:
    """Pass over what journalctl(1) and the collection say between the lines."""
    return (line for line in collected.lines(ITEM) if line[1][4:5] == "-" and line[1][10:11] == "T")


def _spoken(collected: CollectionReader) -> Iterator[Line]:
    """Give the lines of programs that let people in, or make accounts; text of others may imitate theirs."""
    return (line for line in _dated(collected) if _SPEAKERS.match(line[1]))

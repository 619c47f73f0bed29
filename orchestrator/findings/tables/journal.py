"""Lines of systemd's journal: a source on hosts without text logs, and a comparison for text logs."""

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
    """Return the logs of logins and accounts; if all are empty, the journal's lines of the same programs."""
    return _logs(collected, _AUTH, _spoken(collected))


def system_logs(collected: CollectionReader, pattern: re.Pattern[str]) -> Iterator[Log]:
    """Return the text logs with a path matching the pattern; the journal's lines if all are empty."""
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
    """SSH logins present in the journal, and absent from the login log of the same period."""
    item, now = collected.item("logs"), collected_at(collected)
    if item is None or item.truncated:
        return  # an entry missing from a truncated archive may exist on the host
    known: set[tuple[str, ...]] = set()
    earliest = float("inf")
    for log in auth_logs(collected):
        for _, text in log.lines if log.name else ():
            earliest = min(earliest, of_syslog(text, now) or earliest)
            found = LOGIN.search(text[:2048])
            if found and found[1] == "Accepted" and found.groups()[1:] not in known:
                if not collected.meter.hold("logins", *(found.groups("")[1:])):
                    return  # an entry missing from a truncated list may exist
                known.add(found.groups()[1:])
    for number, text in _spoken(collected):
        found, time = LOGIN.search(text[:2048]), of_syslog(text, now)
        if found and found[1] == "Accepted" and time >= earliest and found.groups()[1:] not in known:
            row: Fields = {"user": found[3], "address": found[4], "method": found[2], "time": text.partition(" ")[0]}
            yield Row(row, Place(ITEM, number), time)


def _dated(collected: CollectionReader) -> Iterator[Line]:
    """Yield the dated lines, without the remarks of journalctl(1) and of the collection."""
    return (line for line in collected.lines(ITEM) if line[1][4:5] == "-" and line[1][10:11] == "T")


def _spoken(collected: CollectionReader) -> Iterator[Line]:
    """Yield the lines of programs for logins and accounts; text of other programs may imitate these lines."""
    return (line for line in _dated(collected) if _SPEAKERS.match(line[1]))

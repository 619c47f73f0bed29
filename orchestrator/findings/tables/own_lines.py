"""Lines of the system logs that the named program wrote on this host.

A visitor's words in a daemon's line imitate any other line, and a log server holds the lines of other hosts. Patterns
begin with SPEAKER, and only lines with the name of this host count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stopgap.orchestrator.evidence.reader import CollectionReader, with_artifact
from stopgap.orchestrator.findings.table import Place
from stopgap.orchestrator.findings.tables.accounts import text_of
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.journal import system_logs
from stopgap.orchestrator.findings.tables.moments import of_syslog

SPEAKER = r"(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8}|\d{4}-\d\d-\d\dT\S{1,40}) (?P<host>\S{1,255}) "
"""The beginning of a line of syslog(3): time and host. The program and its message follow."""
_LONGEST = 4096


class OwnLine(NamedTuple):
    """A line of this host, as matched by a pattern."""

    found: re.Match[str]
    place: Place
    time: float
    """Seconds since the epoch; 0 for an unknown time."""


def own_lines(
    collected: CollectionReader, logs: re.Pattern[str], word: str, pattern: re.Pattern[str]
) -> Iterator[OwnLine]:
    """Yield the lines of this host with a word and a match of a pattern, from the logs with a path like `logs`.

    The pattern begins with SPEAKER. Without /etc/hostname in the evidence, the lines of all hosts count.
    """
    now = collected_at(collected)
    own: str | None = None
    for log in system_logs(collected, logs):
        for number, text in log.lines:
            found = pattern.match(text[:_LONGEST]) if word in text else None
            if not found:
                continue
            own = _name(collected) if own is None else own
            if own in {"", found["host"].partition(".")[0]}:
                yield OwnLine(found, Place(log.artifact, number, log.name), of_syslog(text, now))


def _name(collected: CollectionReader) -> str:
    """Return the host's name without a domain, from /etc/hostname; empty if unknown."""
    for member in with_artifact(collected, "configuration").members("configuration"):
        if member.name == "/etc/hostname" and member.kind == "file":
            return next((text.strip().partition(".")[0] for _, text in text_of(member, _LONGEST)), "")
    return ""

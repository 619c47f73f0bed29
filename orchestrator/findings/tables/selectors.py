"""Facilities of syslog(3) that rsyslog writes nowhere, by its own settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of

_MAIN = "/etc/rsyslog.conf"
_SETTINGS = re.compile(r"^/etc/rsyslog\.(?:conf$|d/[^/]+\.conf$)")
_SELECTOR = re.compile(r"[\w*,.;=!]{3,400}")
_FACILITIES = ("auth", "authpriv")
_BY_SCRIPT = re.compile(r"\b(?:auth|authpriv|sshd|sudo|syslogfacility)\b", re.IGNORECASE)


@table("unlogged", reads="configuration", fields={"facility": "the facility", "path": "the settings"})
def unlogged(collected: CollectionReader) -> Iterator[Row]:
    """Facilities of logins that no rule of rsyslog writes to a file, a pipe, a program or another host."""
    written: set[str] = set()
    main = False
    rules = 0
    for member in collected.members("configuration"):
        if member.kind != "file" or not _SETTINGS.match(member.name):
            continue
        main = main or member.name == _MAIN
        for _, text in text_of(member, 256 << 10):
            line = text.strip()[:4096]
            if line.startswith("#"):
                continue
            if line.startswith(("if ", "if(")) and _BY_SCRIPT.search(line):
                written.update(_FACILITIES)
            selector, action = (*line.split(None, 1), "", "")[:2]
            if "." not in selector or not action or not _SELECTOR.fullmatch(selector):
                continue
            if action not in {"stop", "~"} and not action.startswith(("/dev/", "-/dev/", ":omusrmsg:")):
                rules += 1
                written.update(name for name in _FACILITIES if _selects(selector, name))
    for facility in _FACILITIES if main and rules else ():
        if facility not in written:
            yield Row(
                {"facility": facility, "path": "/etc/rsyslog.conf"}, Place("configuration", None, "/etc/rsyslog.conf")
            )


def _selects(selectors: str, facility: str) -> bool:
    """Tell whether a selector takes in a facility: its last part that names the facility counts (rsyslog.conf(5))."""
    taken = False
    for part in selectors.split(";"):
        names, _, priority = part.rpartition(".")
        if facility in names.split(",") or "*" in names.split(","):
            taken = priority != "none"
    return taken

"""What vim(1) remembers: the files that were open, and the commands by which lines were taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of

_FILE = re.compile(r"^(?:['-][0-9'A-Z]\s+\d+\s+\d+|>)\s+(?P<path>[~/]\S.*)$")
"""Marks, the list of jumps, and marks within files, as viminfo has them."""
_COMMAND = re.compile(r"^:(?P<command>\S.*)$")
_TAKES_OUT = automaton(
    r"(?i)^(?:silent!?\s+)?[\d,$%.'a-z]*\s*(?:g|global|v|vglobal)\s*!?\s*[^\w\s].*(?:\d{1,3}\\?\.\d{1,3}\\?\.\d|[0-9a-f]{1,4}:[0-9a-f:]{3,}"
    r"|sshd?\b|sudo|\bsu\b|session|accepted|failed|root).*[^\w\s]\s*d"
    r"|^[\d,$%.]*\s*s\s*[^\w\s].*\d{1,3}\\?\.\d{1,3}\\?\.\d.*\\n[^\w\s]{2}",
    captures=False,
)
"""Lines that hold an address, or what a login writes, are deleted."""
_LOG = re.compile(r"^/var/log/(?!apt/|dpkg|installer/|unattended).|/\.(?:bash|zsh|sh)_history$")
_ACCOUNTS = re.compile(r"^/etc/g?shadow-?$")
_MOST = 200
"""Files of one viminfo."""


@table(
    "edited",
    reads="histories",
    fields={
        "path": "the file that was open",
        "kind": "`log`: a log or a history; `accounts`: hashes of passwords",
        "command": "a command by which lines were deleted, of some file; empty without one",
        "memory": "the editor's own file",
    },
)
def edited(collected: CollectionReader) -> Iterator[Row]:
    """Logs, histories and hashes of passwords that were open in vim."""
    for member in collected.members("histories"):
        if member.kind != "file" or not member.name.endswith(("/.viminfo", "/.nviminfo")):
            continue
        home = member.name.rpartition("/")[0]
        opened: dict[str, tuple[str, int]] = {}
        deleting = ""
        for number, text in text_of(member):
            if found := _COMMAND.match(text):
                command = found["command"][:1024]
                deleting = deleting or (
                    command if _TAKES_OUT.search(command.encode("utf-8", "surrogatepass")) else ""
                )
            elif (found := _FILE.match(text)) and len(opened) < _MOST:
                path = found["path"][:1024]
                path = home + path[1:] if path.startswith("~/") else path
                kind = "log" if _LOG.search(path) else "accounts" if _ACCOUNTS.match(path) else ""
                if kind:
                    opened.setdefault(path, (kind, number))
        for path, (kind, number) in opened.items():
            row: Fields = {"path": path, "kind": kind, "command": deleting, "memory": member.name}
            yield Row(row, Place("histories", number, member.name))

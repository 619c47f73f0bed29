"""Commands out of files whose contents are withheld for the secrets in them, such as .kube/config."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.provenance.acts import acts_of
from stopgap.orchestrator.findings.provenance.commands import programs
from stopgap.orchestrator.findings.provenance.mechanisms import Mechanism
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.origin import origins
from stopgap.orchestrator.findings.tables.packages import digests_of
from stopgap.orchestrator.findings.tables.weighing import HOME, StartFile, Told, weigh

ARTIFACT = "withheld-commands"
_LINE = re.compile(r"(/[^\n]*?):([0-9]{1,9}):([\w -]{1,40}?) ([^\n]{1,4096})")
_MECHANISM = Mechanism("settings with secrets", "login", r"", (), False, True)
_MOST = 2000
_TILDE = re.compile(r"^(?:~|\$HOME)(?=/)")


@table(
    "withheld-commands",
    reads=ARTIFACT,
    also="package-digests bodyfile",
    fields={
        "path": "the file",
        "key": "the setting, such as `command` or `PostUp`",
        "text": "the command; a `*` stands for each word that may be a secret",
        "starts": "the program that it leads to",
        "weight": "0 to 4, from where that comes from, where it lies, and what the command does",
        "because": "what speaks for that weight",
    },
)
def withheld_commands(collected: CollectionReader) -> Iterator[Row]:
    """Commands of files whose contents are withheld."""
    found: list[tuple[int, str, str, str, tuple[str, ...]]] = []
    for number, line in collected.lines(ARTIFACT):
        match = _LINE.fullmatch(line)
        if not match or len(found) >= _MOST or not collected.meter.hold("commands", line):
            continue
        home = HOME.match(match[1])
        text = _TILDE.sub(home[1] if home else "/root", match[4])
        started = tuple(each for each in programs(text) if each.startswith("/"))
        found.append((number, match[1], match[3], text, started))
    known = origins(collected, [path for *_, started in found for path in started], digests_of(collected))
    for number, path, key, text, started in found:
        told = Told(_MECHANISM, number, text, started, 0, acts_of(text))
        file = StartFile(ARTIFACT, path, "file", 0o600, 0, 0, 0, "no", (told,))
        weight, program, _, because = weigh(file, told, "no", 0, known)
        row: Fields = {"path": path, "key": key, "text": text, "starts": program, "weight": weight}
        yield Row(row | {"because": ", ".join(because[1:] or because)}, Place(ARTIFACT, number))

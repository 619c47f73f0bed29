"""Lines of the kernel in the system logs: unsigned modules, crashed programs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader, with_artifact
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.own_lines import SPEAKER, own_lines

_LOGS = re.compile(r"/var/log/(?:syslog|messages|kern\.log)(?:[.-]\d+)?(?:\.gz)?$")
_KERNEL = SPEAKER + r"kernel: (?:\[\s*[\d.]+\] )?"
_MODULE = re.compile(
    _KERNEL + r"(?P<name>(?!stap_)\w{1,64}): (?P<what>module verification failed|loading out-of-tree module)"
)
_CRASH = re.compile(
    _KERNEL + r"(?P<name>[^\[\]]{1,64})\[\d{1,9}\]: segfault at (?P<at>[0-9a-f]{1,16}) ip (?P<ip>[0-9a-f]{1,16})\b"
)
_VSYSCALL = "ffffffffff600"
"""The page for system calls of programs of old distributions; newer kernels refuse these calls."""
_OFTEN = 5
"""Crashes of one program without another sign of an attack."""
_MOST = 10_000
"""Different modules or programs of a host's logs."""


@table(
    "log-modules",
    reads="logs",
    also="journal-lines modules configuration",
    fields={
        "name": "the module",
        "what": "what the kernel said of it",
        "loaded": "the kernel has it now; true where that is not known",
    },
)
def log_modules(collected: CollectionReader) -> Iterator[Row]:
    """Yield the modules that the kernel loaded without a valid signature, or from outside of its sources."""
    loaded: set[str] = set()
    for _, text in with_artifact(collected, "modules").lines("modules"):
        loaded |= {word for word in re.split(r"[\s:\[\]]+", text[:400]) if collected.meter.hold("modules", word)}
    seen: set[str] = set()
    for found, place, time in own_lines(collected, _LOGS, "module", _MODULE):
        name = found["name"]
        if name not in seen and len(seen) < _MOST and collected.meter.hold("modules", name):
            seen.add(name)
            row: Fields = {"name": name, "what": found["what"], "loaded": not loaded or name in loaded}
            yield Row(row, place, time)


@table(
    "log-crashes",
    reads="logs",
    also="journal-lines configuration",
    fields={
        "name": "the program",
        "count": "how often it crashed",
        "weight": "1: five times and more; 2: the address that it read is that of the code that it was to run, "
        "as after an overwritten return address",
    },
)
def log_crashes(collected: CollectionReader) -> Iterator[Row]:
    """Yield the programs that crashed with a wrong address."""
    found: dict[str, tuple[int, bool, Place, float]] = {}
    for crash, place, time in own_lines(collected, _LOGS, "segfault", _CRASH):
        name = crash["name"]
        if crash["ip"].startswith(_VSYSCALL):
            continue
        if name in found or (len(found) < _MOST and collected.meter.hold("crashes", name)):
            count, jumped, *_ = found.get(name, (0, False))
            jumped = jumped or crash["at"].lstrip("0") == crash["ip"].lstrip("0") != ""
            found[name] = (count + 1, jumped, place, time)
    for name, (count, jumped, place, time) in found.items():
        yield Row({"name": name, "count": count, "weight": 2 if jumped else int(count >= _OFTEN)}, place, time)

"""An operator's YARA rules, matched against every item and every archived file (YARA-X)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.files import FolderFiles, read
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.judge import BUDGET
from stopgap.orchestrator.findings.model import Compared, Finding, Findings, NotLooked, Sighting
from stopgap.orchestrator.findings.reading import SHOWN, Reading
from stopgap.orchestrator.severity import SEVERITIES, Severity
from stopgap.orchestrator.text import tr

LARGEST = 64 << 20
"""Bytes of one file that are looked at."""
_ONE = 20
"""Seconds for one file."""
_MATCHES = 100
"""Of one pattern in one file."""


class YaraError(Error):
    """Unusable YARA rules; the message gives file and reason."""


@dataclass
class _Seen:
    """The matches of one rule."""

    about: dict[str, str]
    count: int = 0
    seen: list[Sighting] = field(default_factory=list)


@dataclass(frozen=True)
class YaraRules:
    """Compiled rules."""

    compiled: Any
    """`yara_x.Rules`."""
    names: tuple[str, ...]


def load_yara(path: Path) -> YaraRules:
    """Compile the rules of a file, or of all `*.yar` and `*.yara` in a folder. Raises YaraError."""
    try:
        import yara_x  # noqa: PLC0415 (an extra)
    except ImportError:
        raise YaraError("for YARA rules, install yara-x: pip install 'stopgap[yara]'") from None
    files = sorted(p for p in path.iterdir() if p.suffix in {".yar", ".yara"}) if path.is_dir() else [path]
    if not files:
        raise YaraError(tr("{path}: holds no *.yar and no *.yara", path=path))
    compiler = yara_x.Compiler()
    for file in files:
        try:
            compiler.new_namespace(file.name)
            compiler.add_source(file.read_text(encoding="utf-8"), origin=str(file))
        except (OSError, ValueError) as error:
            raise YaraError(f"{file}: {getattr(error, 'strerror', None) or error}") from None
        except yara_x.CompileError as error:
            raise YaraError(f"{file}: {error}") from None
    compiled = compiler.build()
    return YaraRules(compiled, tuple(rule.identifier for rule in compiled))


def add_yara(
    found: Findings,
    collected: CollectionReader,
    rules: YaraRules,
    *,
    budget: float = BUDGET,
    clock: Callable[[], float] = time.monotonic,
) -> Findings:
    """Return the findings with matches of the YARA rules in a collection, within `budget` seconds; files are cut at
    LARGEST.
    """
    import yara_x  # noqa: PLC0415 (an extra)

    scanner = yara_x.Scanner(rules.compiled)
    scanner.set_timeout(_ONE)
    scanner.max_matches_per_pattern(_MATCHES)
    matched: dict[str, _Seen] = {}
    looked, missed = 0, ""
    with Reading(collected, budget, clock=clock) as reading:
        for file, member, offset, content in _contents(reading.collected):
            reading.check()
            try:
                results = scanner.scan(content)
            except (yara_x.ScanError, yara_x.TimeoutError) as error:
                missed = f"{file}{':' if member else ''}{member}: {error}"
                continue
            looked += 1
            for rule in results.matching_rules:
                known = matched.setdefault(rule.identifier, _Seen(_about(rule)))
                known.count += 1
                if len(known.seen) < SHOWN:
                    at = min((match.offset for pattern in rule.patterns for match in pattern.matches), default=None)
                    what = f"{member or file}{'' if at is None else f', at byte {at}'}"
                    known.seen.append(Sighting(what=what, file=file, member=member, offset=offset))
    missed = missed or reading.trouble or "; ".join(reading.meter.left_out)
    more = [_finding(name, known) for name, known in matched.items()]
    findings = sorted((*found.findings, *more), key=lambda f: (SEVERITIES.index(f.severity), f.id))
    spared = [
        Compared(id=_id(name), title=f"YARA rule {name}", compared=f"{looked} files")
        for name in rules.names
        if name not in matched and not missed
    ]
    unseen = [NotLooked(id="yara", title="YARA rules", reason=missed)] if missed else []
    return found.model_copy(
        update={
            "findings": tuple(findings),
            "no_discrepancy_seen": (*found.no_discrepancy_seen, *spared),
            "not_looked": (*found.not_looked, *unseen),
        }
    )


def _contents(collected: CollectionReader) -> Iterator[tuple[str, str, int | None, bytes]]:
    """Yield the contents to scan: item, member file, offset of the member's header, content."""
    for item in collected.manifest.items:
        if item.file is None:
            continue
        if item.file.endswith(".tar"):
            for member in collected.members(item.id):
                if member.kind == "file":
                    yield item.file, member.name, member.offset, member.read(LARGEST)
        elif content := read(FolderFiles(collected.folder), item.file, LARGEST):
            yield item.file, "", None, content


def _about(rule: Any) -> dict[str, str]:  # noqa: ANN401 (yara_x.Rule)
    return {str(key): str(value) for key, value in rule.metadata}


def _id(name: str) -> str:
    return f"yara-{name.lower().replace('_', '-')}"


def _finding(name: str, known: _Seen) -> Finding:
    severity = known.about.get("severity", "").lower()
    return Finding(
        id=_id(name),
        severity=cast("Severity", severity) if severity in get_args(Severity) else "medium",
        title=f"YARA rule {name} matches",
        seen=tuple(known.seen),
        count=known.count,
        why=known.about.get("description", "The rule's author says what it stands for.")[:1000],
        confidence="low",
        falsepositives=("A rule that is not sharp, or a copy of such rules among the files.",),
        response="Look at the files; the rule says which bytes it means.",
    )

"""Storage of findings beside the collection, for people, journal and report."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from stopgap.orchestrator.evidence.manifest import FINDINGS
from stopgap.orchestrator.evidence.reader import CollectionReader, UnreadableEvidence, open_collection, together
from stopgap.orchestrator.findings.apart import ReaderApart
from stopgap.orchestrator.findings.judge import BUDGET, judge
from stopgap.orchestrator.findings.model import Finding, Findings
from stopgap.orchestrator.findings.rule import Rule
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.records import EvidenceKept, FindingNoted, FindingsMade
from stopgap.orchestrator.text import tr

NOTED = 200
"""Findings that the journal keeps in short."""


def keep_findings(
    run_folder: Path,
    kept: EvidenceKept,
    rules: Callable[[], Sequence[Rule]],
    beside: Iterable[EvidenceKept] = (),
    *,
    readers: Sequence[ReaderApart] = (),
    budget: float = BUDGET,
) -> FindingsMade:
    """Evaluate a collection within `budget` seconds, write `findings.json` beside, and return the journal's record.

    `beside` are other collections of the run so far; collections of the same target are used in joins. `readers` read
    in separate processes; by default, this process reads.

    Raises nothing: a failed evaluation must not endanger the evidence, so the record holds the failure.
    """
    try:
        others = [run_folder / other.folder for other in beside if other.target == kept.target]
        collected = _with_others(run_folder / kept.folder, others)
        reading = [each.of(collected) for each in readers]
        first = reading[0] if reading else None
        found = judge(collected, rules(), budget=budget, reader=first, others=reading[1:])
    except (OSError, UnreadableEvidence) as error:
        return no_findings(kept, str(error))
    except Exception as error:
        return no_findings(
            kept, tr("an error of its own: {name}: {error}", name=error.__class__.__name__, error=error)
        )
    return write_findings(run_folder, kept, found)


def write_findings(run_folder: Path, kept: EvidenceKept, found: Findings) -> FindingsMade:
    """Write `findings.json` beside a collection, and return the journal's record; also for a failed write."""
    content = found.canonical()
    # A partial file left by a crash must not lie among the evidence.
    aside = run_folder / f".{FINDINGS}.{os.getpid()}.{kept.folder.replace('/', '.')}"
    try:
        write_at_once(run_folder / kept.folder / FINDINGS, content, temporary=aside)
    except JournalError as error:
        return no_findings(kept, str(error))
    return _record(kept, found, hashlib.sha256(content).hexdigest())


def no_findings(kept: EvidenceKept, trouble: str) -> FindingsMade:
    """Return the record of a collection without evaluation, with the reason."""
    return _record(kept, trouble=trouble)


def _with_others(folder: Path, beside: Iterable[Path]) -> CollectionReader:
    """Open a collection, with the collections beside."""
    collected, others = open_collection(folder), []
    for other in sorted(set(beside) - {folder}):
        with suppress(UnreadableEvidence):
            others.append(open_collection(other))
    return together([collected, *others])[0]


def place_of(finding: Finding) -> str:
    """Return the first place of a finding: item, member file, line."""
    if not finding.seen:
        return ""
    first = finding.seen[0]
    parts = [first.file, first.member, str(first.line) if first.line else ""]
    return ":".join(part for part in parts if part)


def _record(
    kept: EvidenceKept, found: Findings | None = None, sha256: str | None = None, *, trouble: str = ""
) -> FindingsMade:
    return FindingsMade(
        step=kept.step,
        target=kept.target,
        host=kept.host,
        profile=kept.profile,
        folder=kept.folder,
        findings=tuple(map(_noted, found.findings[:NOTED])) if found else (),
        rules=len(found.findings) + len(found.no_discrepancy_seen) if found else 0,
        not_looked=len(found.not_looked) if found else 0,
        unread=tuple(
            tr("{table}: {reason}", table=unread.table, reason=unread.reason) for unread in found.unread[:NOTED]
        )
        if found
        else (),
        sha256=sha256,
        trouble=trouble,
    )


def _noted(finding: Finding) -> FindingNoted:
    first = f"{finding.seen[0].what} ({place_of(finding)})" if finding.seen else ""
    return FindingNoted(
        id=finding.id,
        severity=finding.severity,
        title=finding.title,
        count=finding.count,
        first=first,
        times=tuple(sorted({seen.at for seen in finding.seen if seen.at})),
        tags=finding.tags,
    )

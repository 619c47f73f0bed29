"""Puts what the rules make of a collection beside it, for people, for the journal and for the report."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from stopgap.orchestrator.evidence.manifest import FINDINGS, MANIFEST
from stopgap.orchestrator.evidence.shelf import Shelf, UnreadableEvidence, open_shelf, together
from stopgap.orchestrator.findings.judge import judge
from stopgap.orchestrator.findings.model import Finding, Findings
from stopgap.orchestrator.findings.rule import Rule
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.records import EvidenceKept, FindingNoted, FindingsMade

EVIDENCE = "evidence"
"""Of a run's folder: `HOST/STEP` below it."""
NOTED = 200
"""Findings that the journal keeps in short."""


def keep_findings(
    run_folder: Path,
    kept: EvidenceKept,
    rules: Callable[[], Sequence[Rule]],
    *,
    stop: Callable[[], bool] = lambda: False,
) -> FindingsMade:
    """Judge a collection, write `findings.json` beside it, and give the record of it.

    Raises nothing: evidence is worth more than what is made of it, so that a failure here is a record too.
    """
    folder = run_folder / kept.folder
    try:
        used = rules()
        found = judge(_with_others(run_folder, folder), used, stop=stop)
        content = found.canonical()
        # What a death leaves of it must not lie among the evidence.
        aside = run_folder / f".{FINDINGS}.{os.getpid()}"
        write_at_once(folder / FINDINGS, content, temporary=aside)
    except (OSError, JournalError, UnreadableEvidence) as error:
        return _record(kept, trouble=escape(str(error)))
    except Exception as error:
        return _record(kept, trouble=escape(f"an error of its own: {error.__class__.__name__}: {error}"))
    return _record(kept, found, hashlib.sha256(content).hexdigest())


def _with_others(run_folder: Path, folder: Path) -> Shelf:
    """Open a collection with those that its run has made for the same target by now."""
    shelf, others = open_shelf(folder), []
    for manifest in sorted((run_folder / EVIDENCE).glob(f"*/*/{MANIFEST}")):
        with suppress(UnreadableEvidence):
            if manifest.parent != folder:
                others.append(open_shelf(manifest.parent))
    return together([shelf, *others])[0]


def place_of(finding: Finding) -> str:
    """Name where a finding was first seen: item, file in it, line."""
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
    )

"""Removal of old runs: the records in one transaction, with a record of each run; then the folders.

A process that dies in between leaves folders of pruned runs; the next call removes the rest.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stopgap.orchestrator.journal.chain import Entry, timestamp
from stopgap.orchestrator.journal.deliveries import fold_deliveries
from stopgap.orchestrator.journal.disk import disk_errors
from stopgap.orchestrator.journal.evidence_waiting import not_stored
from stopgap.orchestrator.journal.head import HEAD, SIGNATURE
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.home import sync_folder
from stopgap.orchestrator.journal.incidents import incidents
from stopgap.orchestrator.journal.integrity import EXPORT
from stopgap.orchestrator.journal.pruned_records import PrunedMessage, RunPruned
from stopgap.orchestrator.journal.removable import Candidate, reasons, slim
from stopgap.orchestrator.journal.store import Journal
from stopgap.orchestrator.journal.strays import RUN_ID
from stopgap.orchestrator.outcome import RunOutcome

_KEPT = frozenset({"evidence", EXPORT, HEAD, SIGNATURE})
"""What stays of a run's folder with the evidence."""


@dataclass(frozen=True)
class Stays:
    """A run that is not removed, with the reasons."""

    run: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """What a prune would remove, and what stays; both in order of the runs' start."""

    goes: tuple[RunPruned, ...]
    stays: tuple[Stays, ...]


def judge(journal: Journal, before: datetime, by: str, *, keep_evidence: bool) -> Judged:
    """Judge every run; writes nothing.

    A run without a record after `before` is old. `by` is the person, as `user@machine`. Raises DamagedRunError if the
    records of a run, or of earlier prunes, cannot be read: what such a run needs cannot be told. Raises JournalError.
    """
    journal.pruned()
    candidates: list[Candidate] = []
    records: dict[str, RunPruned] = {}
    waiting = {each.run for each in not_stored(journal.home)}
    for summary in reversed(journal.runs()):
        run = summary.id
        history = journal.history(run)
        folder = journal.run_path(run)
        last = history.entries[-1].at
        if last <= before and history.state != "running":
            records[run] = _record(journal, history, by, keep_evidence=keep_evidence)
        candidates.append(
            Candidate(
                history=slim(history),
                last=last,
                held=journal.is_held(run),
                reported=any(folder.glob("report*.*")),
                has_folder=folder.is_dir(),
                mentioned=journal.mentioned(run),
                waits_for_store=run in waiting,
            )
        )
    why = reasons(candidates, before, {each.name: each.closed is not None for each in incidents(journal)})
    stays = tuple(Stays(run, tuple(found)) for run, found in why.items() if found)
    return Judged(tuple(records[run] for run, found in why.items() if not found), stays)


def remove(journal: Journal, pruned: tuple[RunPruned, ...]) -> list[str]:
    """Remove runs that `judge` gave; return the runs whose folders an earlier call had left.

    Raises JournalError if a run was changed since: nothing is removed then.
    """
    for each in pruned:
        if each.evidence_kept:
            journal.export(each.run)
    if pruned:
        journal.prune(pruned)
    mine = {each.run for each in pruned}
    return [run for run in remove_folders(journal) if run not in mine]


def left_over(journal: Journal) -> Iterator[RunPruned]:
    """Yield the pruned runs whose folders hold more than what was to be kept; raises JournalError."""
    for each in journal.pruned():
        folder = journal.run_path(each.run)
        if RUN_ID.fullmatch(each.run) and any(_removable(folder, evidence_kept=each.evidence_kept)):
            yield each


def remove_folders(journal: Journal) -> list[str]:
    """Remove the folders of pruned runs, without what was to be kept; return the runs with something removed."""
    removed = []
    for each in left_over(journal):
        folder = journal.run_path(each.run)
        with disk_errors(folder):
            for path in list(_removable(folder, evidence_kept=each.evidence_kept)):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            sync_folder(folder.parent)
        removed.append(each.run)
    return removed


def _removable(folder: Path, *, evidence_kept: bool) -> Iterator[Path]:
    if folder.is_symlink() or (folder.exists() and not evidence_kept):
        yield folder
    elif folder.is_dir():
        yield from (path for path in folder.iterdir() if path.name not in _KEPT)


def _record(journal: Journal, history: History, by: str, *, keep_evidence: bool) -> RunPruned:
    started, entries = history.started, history.entries
    return RunPruned(
        run=history.run,
        runbook=started.runbook_name,
        targets=started.targets,
        operator=started.operator,
        incident=started.incident,
        state=RunOutcome(history.state),
        begun=timestamp(history.started_at),
        ended=timestamp(entries[-1].at),
        records=len(entries),
        last_hash=journal.last_row(history.run).hash,
        manifests={each.folder: each.manifest_sha256 for each in history.evidence},
        messages=tuple(_messages(history.run, entries)),
        evidence_kept=keep_evidence,
        by=by,
        at=timestamp(journal.now()),
    )


def _messages(run: str, entries: tuple[Entry, ...]) -> Iterator[PrunedMessage]:
    for each in fold_deliveries((run, entry) for entry in entries).values():
        if each.state != "failed":
            at = timestamp(each.at)
            yield PrunedMessage(key=each.key, to=each.to, about=each.about, state=each.state, at=at)

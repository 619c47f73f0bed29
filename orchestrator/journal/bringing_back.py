"""Restore a run from its exported journal.jsonl, for example after a restore of an older journal.sqlite."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.journal.chain import Row, entry, read_export
from stopgap.orchestrator.journal.disk import disk_errors
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.fold import fold
from stopgap.orchestrator.journal.head import head_problems
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.journal.integrity import EXPORT
from stopgap.orchestrator.journal.store import Journal
from stopgap.orchestrator.journal.strays import RUN_ID
from stopgap.orchestrator.journal.table import pruned_text
from stopgap.orchestrator.text import tr


class UnfitExportError(JournalError):
    """An exported journal cannot be restored; `problems` gives the reasons, one line each."""

    def __init__(self, folder: Path, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(tr("{folder}: {problems}", folder=folder, problems=problems[0]))


@dataclass(frozen=True)
class Exported:
    """A run as exported in the run's folder: every record is readable, and the hash chain is intact."""

    folder: Path
    run: str
    rows: tuple[Row, ...]
    history: History


def read_exported(journal: Journal, folder: Path, signers: Path | None = None) -> Exported:
    """Read a run's folder: journal.jsonl, and the signed head if present.

    With `signers` a signature of a listed signer is required. Raises UnfitExportError, JournalError.
    """
    run, rows, problems = read_export(folder / EXPORT)
    if not RUN_ID.fullmatch(run):
        problems.append(tr("{export}: names no run", export=EXPORT))
    problems += head_problems(run, rows, folder, signers)
    problems += _unreadable(rows)
    if problems:
        raise UnfitExportError(folder, problems)
    history = fold(run, [entry(row) for row in rows], now=journal.now(), running=journal.is_held(run))
    return Exported(folder, run, tuple(rows), history)


def bring_back(journal: Journal, exported: Exported) -> int:
    """Restore the run's records into the journal, and the run's folder; return the number of missing records.

    Raises DamagedRunError if the journal holds different records of the run, RunHeldError; JournalError for a
    pruned run.
    """
    if any(each.run == exported.run for each in journal.pruned()):
        raise JournalError(pruned_text(exported.run))
    target = journal.run_path(exported.run)
    if exported.folder.resolve() != target.resolve():
        with disk_errors(target):
            private_folder(target.parent)
            if not target.exists():
                shutil.copytree(exported.folder, target, symlinks=True)
                target.chmod(0o700)
    return journal.bring_back(exported.run, exported.rows)


def _unreadable(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        try:
            entry(row)
        except JournalError as error:
            yield str(error)

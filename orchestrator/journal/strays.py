"""Run folders unknown to the journal, for example after a restore of an older journal.sqlite."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stopgap.orchestrator.journal.integrity import EXPORT
from stopgap.orchestrator.text import tr

RUN_ID = re.compile(r"[0-9]{8}-[0-9]{4}-[0-9a-z]{4}", re.ASCII)
_LOCK = "lock"
_BEGUN = b"begun\n"


@dataclass(frozen=True)
class Stray:
    """A run with a difference between journal and folders."""

    run: str
    folder: Path
    lacks: Literal["records", "export", "folder"]
    """`records`: unknown to the journal, with an exported journal in the folder. `export`: without an export too.
    `folder`: known to the journal, with the folder missing.
    """

    def __str__(self) -> str:
        """Return the difference in one line, with the remedy."""
        if self.lacks == "folder":
            return tr("run {run}: its folder {folder} is gone, with its evidence", run=self.run, folder=self.folder)
        unknown = tr("run {run}: the journal does not know it, and its folder is there", run=self.run)
        if self.lacks == "records":
            return tr(
                "{unknown}; what it changed may be in force: stopgap journal import {folder}",
                unknown=unknown,
                folder=self.folder,
            )
        return tr(
            "{unknown}, without {export}; what it changed may be in force, and nothing here says what",
            unknown=unknown,
            export=EXPORT,
        )


def strays(
    home: Path, known: Sequence[str], pruned: Collection[str] = (), *, here: Collection[str] | None = None
) -> list[Stray]:
    """Compare the folders below `home`/runs with the runs of the journal; the earliest run first.

    `here`: the runs whose folders should be on this machine; None: all.
    The folder of a pruned run is no stray: evidence was kept, or the next `stopgap prune` removes the rest.
    """
    runs = home / "runs"
    there = {path.name for path in runs.iterdir() if RUN_ID.fullmatch(path.name)} if runs.is_dir() else set()
    found = [
        Stray(run, runs / run, "folder")
        for run in known
        if run not in there and RUN_ID.fullmatch(run) and (here is None or run in here)
    ]
    for run in there - set(known) - set(pruned):
        if (runs / run / EXPORT).is_file():
            found.append(Stray(run, runs / run, "records"))
        elif _was_begun(runs / run):
            found.append(Stray(run, runs / run, "export"))
    return sorted(found, key=lambda stray: stray.run)


def mark_begun(lock: int) -> None:
    """Note the journal's first record of a run in the run's lock file, open at the descriptor."""
    os.pwrite(lock, _BEGUN, 0)


def _was_begun(folder: Path) -> bool:
    """Return True for a run with records; False for a run of a process dead before the first record."""
    try:
        return any(path.name != _LOCK for path in folder.iterdir()) or (folder / _LOCK).read_bytes() == _BEGUN
    except OSError:
        return True

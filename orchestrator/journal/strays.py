"""Folders of runs that the journal does not know, as when an older journal.sqlite was put back."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stopgap.orchestrator.journal.integrity import EXPORT

RUN_ID = re.compile(r"[0-9]{8}-[0-9]{4}-[0-9a-z]{4}", re.ASCII)
_LOCK = "lock"
_BEGUN = b"begun\n"


@dataclass(frozen=True)
class Stray:
    """A run of which journal and folders say different things."""

    run: str
    folder: Path
    lacks: Literal["records", "export", "folder"]
    """`records`: the journal does not know it, and its folder has an exported journal. `export`: nor is there one.
    `folder`: the journal knows it, and its folder is gone."""

    def __str__(self) -> str:
        """Say it in one line, with what to do."""
        if self.lacks == "folder":
            return f"run {self.run}: its folder {self.folder} is gone, with its evidence"
        unknown = f"run {self.run}: the journal does not know it, and its folder is there"
        if self.lacks == "records":
            return f"{unknown}; what it changed may be in force: stopgap journal import {self.folder}"
        return f"{unknown}, without {EXPORT}; what it changed may be in force, and nothing here says what"


def strays(home: Path, known: Sequence[str]) -> list[Stray]:
    """Compare the folders below `home`/runs with the runs that the journal knows; the earliest first."""
    runs = home / "runs"
    there = {path.name for path in runs.iterdir() if RUN_ID.fullmatch(path.name)} if runs.is_dir() else set()
    found = [Stray(run, runs / run, "folder") for run in known if run not in there and RUN_ID.fullmatch(run)]
    for run in there - set(known):
        if (runs / run / EXPORT).is_file():
            found.append(Stray(run, runs / run, "records"))
        elif _was_begun(runs / run):
            found.append(Stray(run, runs / run, "export"))
    return sorted(found, key=lambda stray: stray.run)


def mark_begun(lock: int) -> None:
    """Note in a run's lock file, open at this descriptor, that the journal has its first record."""
    os.pwrite(lock, _BEGUN, 0)


def _was_begun(folder: Path) -> bool:
    """Tell a run that had records from one whose process died before its first."""
    try:
        return any(path.name != _LOCK for path in folder.iterdir()) or (folder / _LOCK).read_bytes() == _BEGUN
    except OSError:
        return True

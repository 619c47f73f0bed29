"""Runs whose evidence waits for its store: a small file for each, below `evidence-store/` of the state folder.

The file goes once all of the run's evidence is in the store: what waits outlives the process, whatever ends it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.journal.strays import RUN_ID
from stopgap.orchestrator.text import Text, tr

FOLDER = "evidence-store"
SETTINGS = "evidence.yaml"
"""File of the state folder that names the store."""


@dataclass(frozen=True)
class NotStored:
    """A run of which evidence is not in the store."""

    run: str
    since: datetime | None
    """When it began to wait."""
    reason: str = ""
    """Why, as of the last attempt; empty before the first."""

    def __str__(self) -> str:
        return self.text()

    def text(self) -> Text:
        """Return one line of words."""
        words = tr("run {run}: evidence is not in the store yet", run=self.run)
        words = tr("{words}: {reason}", words=words, reason=self.reason) if self.reason else words
        return tr("{words}; `stopgap evidence store` tries again", words=words)


def let_wait(home: Path, run: str) -> None:
    """Note that evidence of a run is to be copied. Raises JournalError."""
    folder = private_folder(home / FOLDER)
    if not (folder / run).exists():
        write_at_once(folder / run, _line(datetime.now(UTC), ""))


def not_stored(home: Path) -> list[NotStored]:
    """Return what waits, the earliest run first."""
    with suppress(OSError):
        runs = sorted(path for path in (home / FOLDER).iterdir() if RUN_ID.fullmatch(path.name))
        return [NotStored(path.name, *_read(path)) for path in runs]
    return []


def note_reason(home: Path, waiting: Sequence[NotStored], reason: str) -> None:
    """Note why runs still wait. Raises JournalError."""
    for each in waiting:
        write_at_once(home / FOLDER / each.run, _line(each.since or datetime.now(UTC), reason))


def stored(home: Path, run: str) -> None:
    """Note that all evidence of a run is in the store."""
    (home / FOLDER / run).unlink(missing_ok=True)


def _line(since: datetime, reason: str) -> bytes:
    return json.dumps({"since": since.isoformat(), "reason": reason[:500]}).encode("ascii") + b"\n"


def _read(path: Path) -> tuple[datetime | None, str]:
    try:
        found = json.loads(path.read_text("ascii"))
        return datetime.fromisoformat(found["since"]), str(found["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, ""

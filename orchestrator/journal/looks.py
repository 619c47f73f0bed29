"""Which runs are still as they were when all of their records were looked at last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from stopgap.orchestrator.journal.chain import Row
from stopgap.orchestrator.journal.integrity import Kept
from stopgap.orchestrator.journal.listing import SUMMED_UP, summary
from stopgap.orchestrator.journal.looked import Compared, Look, Looked
from stopgap.orchestrator.journal.record_store import Locks, RecordStore

COMPARED_ALWAYS = 100_000
"""Records of a journal up to which their content is compared with what was looked at by every look."""
COMPARED_AGAIN = timedelta(minutes=5)
"""The longest time between two comparisons in a larger journal; an edit by a statement is compared at once."""


class RunLooks:
    """The looks at the runs of a journal; `folder_of` gives the state of the files that vouch for a run."""

    def __init__(
        self,
        home: Path,
        records: RecordStore,
        locks: Locks,
        clock: Callable[[], datetime],
        folder_of: Callable[[str], str],
    ) -> None:
        """Callers use `Journal.looks`."""
        self._home = home
        self._records = records
        self._locks = locks
        self._clock = clock
        self._folder_of = folder_of

    def known(self) -> dict[str, Look]:
        """Return the looks at runs that are as they were then, and that no process is at work on."""
        with Looked.open(self._home) as memory:
            looks = memory.looks()
            if not looks:
                return {}
            edits, ends = self._records.edits(), self._records.ends()
            if self._records.apart is None:
                memory.forget([run for run in looks if run not in ends])  # pruned
            held = self._locks.elsewhere(looks)
            same = {
                run: look
                for run, look in looks.items()
                if ends.get(run) == look.end
                and run not in held
                and not self._locks.is_mine(run)
                and self._folder_of(run) == look.folder
            }
            if self._must_compare(memory.compared(), edits, sum(seq + 1 for seq, _ in ends.values())):
                digests = self._records.digests([*same])
                changed = [run for run, look in same.items() if digests.get(run) != look.digest]
                memory.forget(changed)
                memory.note_compared(Compared(edits, self._clock()))
                same = {run: look for run, look in same.items() if run not in changed}
        return same

    def keep(self, run: str, kept: Kept, folder: str, gist: Mapping[str, Any] | None) -> None:
        """Remember a run whose records held; `folder` is the state of its files before they were read."""
        rows = {kind: row for row in kept.rows for kind in SUMMED_UP if _is(row, kind)}
        if kept.head is not None:
            with Looked.open(self._home) as memory:
                memory.keep(run, Look(kept.head, kept.digest, folder, summary(run, rows, held=False), gist))

    def _must_compare(self, last: Compared | None, edits: str, records: int) -> bool:
        if last is None or last.edits != edits or records <= COMPARED_ALWAYS:
            return True
        return not timedelta() <= self._clock() - last.at <= COMPARED_AGAIN


def _is(row: Row, kind: str) -> bool:
    return f'"kind":"{kind}"' in row.record

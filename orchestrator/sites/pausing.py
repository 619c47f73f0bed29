"""A run at a site that does nothing but wait for answers lets go of its router, its locks and its slot.

Its process ends, as if killed, once nothing but questions is open. Whoever carries the run on after an answer takes
the locks anew, reads the hosts anew and plans the rest anew: another run may have changed the router meanwhile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from stopgap.orchestrator.journal import Entry, Journal
from stopgap.orchestrator.journal.records import Answered, Asked, StepFinished, SteppedBack, StepStarted
from stopgap.orchestrator.journal.site_records import RunPaused, RunQueued, UndoOrdered

WAITS = 76
"""Exit status for a run whose plan waits for the approval of another person, or that waits for answers."""


def only_asks(entries: Sequence[Entry]) -> bool:
    """Return True if each step of a run that is under way waits for an answer that has no time limit."""
    going: set[tuple[str, str]] = set()
    asked: dict[tuple[tuple[str, str], str], Asked] = {}
    for entry in entries:
        match entry.record:
            case StepStarted() | StepFinished() as record:
                place = (record.step, record.target)
                asked = {key: each for key, each in asked.items() if key[0] != place}
                (going.add if isinstance(record, StepStarted) else going.discard)(place)
            case Asked() as record:
                asked[(record.step, record.target), record.question.text] = record
            case Answered() as record:
                asked.pop(((record.step, record.target), record.question), None)
            case _:
                pass
    places = {place for place, _ in asked}
    return bool(asked) and going == places and all(each.question.timeout is None for each in asked.values())


def is_paused(journal: Journal, run: str) -> bool:
    """Return True if a run was paused, and nobody has answered, gone back or ordered anything since."""
    kinds = (RunPaused, Answered, SteppedBack, RunQueued, UndoOrdered, StepStarted)
    names = [kind.model_fields["kind"].default for kind in kinds]
    entries = list(journal.of_run(run, *names))
    return bool(entries) and isinstance(entries[-1].record, RunPaused)


class Pause:
    """Ends the process of a run once nothing but questions is open."""

    def __init__(self, run: str, opened: Callable[[], Journal]) -> None:
        """`opened` opens the journal."""
        self._run, self._open = run, opened
        self._journal: Journal | None = None

    def opened(self) -> Journal:
        """Open the journal that the run goes on in, and that has its locks."""
        self._journal = self._open()
        return self._journal

    def __call__(self) -> None:
        """End the process with WAITS, unless something else is under way, or the database is out of reach."""
        journal = self._journal
        if journal is None or journal.apart is not None or not journal.append_if(self._run, only_asks, RunPaused()):
            return
        journal.claims.release_all()
        sys.stderr.flush()
        os._exit(WAITS)

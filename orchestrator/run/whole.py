"""An order split by site: the runs of all sites, with one exit code and one verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.records import Verdict
from stopgap.orchestrator.outcome import ExitCode, worst_of


@dataclass(frozen=True)
class Whole:
    """The runs of one order, at least one, in the order of their sites' names."""

    runs: tuple[History, ...]

    @property
    def exit_code(self) -> ExitCode | None:
        """The exit code of all runs together, by precedence; None while a run goes on or waits."""
        codes = [each.finished.exit_code for each in self.runs if each.finished]
        return worst_of(codes) if len(codes) == len(self.runs) else None

    @property
    def containment(self) -> Mapping[str, Verdict]:
        """Target → verdict, over all sites."""
        return {cut.target: cut.verdict for each in self.runs for cut in each.containment}

    @property
    def undo_exit_code(self) -> ExitCode | None:
        """The exit code of the undo ordered at the sites; None while the undo of a site goes on."""
        codes = [each.undo_ended.exit_code for each in self.runs if each.undo_ended]
        return worst_of(codes) if len(codes) == len(self.runs) else None


def whole_of(journal: Journal, run: str) -> Whole:
    """Return the runs of the order that a run belongs to; of a run on its own that run alone.

    `run`: an id. Raises UnknownRunError, DamagedRunError, JournalError.
    """
    history = journal.history(run)
    runs = [run_id for _, run_id in sorted(history.parts.items())] or [run]
    return Whole(tuple(history if each == run else journal.history(each) for each in runs))

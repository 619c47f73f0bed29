"""What a command has written to runs that nobody is at work on: the sinks get that when the command ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import Journal

_WRITTEN: dict[str, int] = {}
"""Run → number of the first record."""


def note_written(journal: Journal) -> None:
    """Note the runs that were written to; a run that a process is at work on is told by the sinks of that process."""
    if journal.written:
        from stopgap.orchestrator.journal.strays import RUN_ID

        for run, first in journal.written.items():
            if RUN_ID.fullmatch(run) and not journal.claims.is_elsewhere(run):
                _WRITTEN.setdefault(run, first)


def tell_sinks() -> None:
    """Let the sinks have what was noted; returns at once where nothing was."""
    if not _WRITTEN:
        return
    from stopgap.orchestrator.cli.screen import err
    from stopgap.orchestrator.journal import state_home
    from stopgap.orchestrator.run.sinks import tell_written

    written = dict(_WRITTEN)
    _WRITTEN.clear()
    tell_written(state_home(), written, lambda line: err().line(line, "warn"))

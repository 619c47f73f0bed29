"""watch: a view of a run from any terminal, read from the journal without contact to hosts or run."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.canvas import PAUSE, Canvas
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.cli.other_runs import Elsewhere
from stopgap.orchestrator.cli.view import view
from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.run.events import EventObserver
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class WatchOptions:
    """The options of `stopgap watch`."""

    run: str
    json: bool = False


def watch(options: WatchOptions) -> int:
    """Show a run live until the end, or until q or Ctrl-C; without a terminal, once."""
    if options.json:
        return _tell_events(options.run)
    screen = screens.out()
    with open_journal_to_read() as journal:
        run = journal.resolve(options.run)
        history = journal.history(run)
        if screen.is_terminal and sys.stdin.isatty() and history.state == "running":
            history = _follow(journal, run)
    for text, style in view(history):
        screen.line(text, style)
    return int(bool(history.damage))


def _tell_events(name: str) -> int:
    """Print every record of a run as an event, those to come as they come, until the run ends."""
    events = EventObserver(print_line)
    told = 0
    with open_journal_to_read() as journal:
        run = journal.resolve(name)
        while True:
            history = journal.history(run)
            for entry in history.entries[told:]:
                events.recorded(run, entry)
            told = len(history.entries)
            if history.state != "running":
                events.ended(history)
                return int(bool(history.damage))
            while not journal.wait(PAUSE):
                pass


def _follow(journal: Journal, run: str) -> History:
    """Draw the run repeatedly; return the last history."""
    history, elsewhere = journal.history(run), Elsewhere(journal)
    canvas = Canvas(tr("q leaves; the run goes on"))
    with suppress(KeyboardInterrupt):
        canvas.open()
        try:
            while history.state == "running":
                canvas.draw(history, elsewhere.of(history))
                if canvas.pressed(PAUSE):
                    break
                history = journal.history(run)
        finally:
            canvas.close()
    return history

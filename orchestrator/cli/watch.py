"""watch: a view of a run from any terminal, read from the journal without contact to hosts or run."""

from __future__ import annotations

import sys
from argparse import Namespace
from contextlib import suppress

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.canvas import PAUSE, Canvas
from stopgap.orchestrator.cli.other_runs import Elsewhere
from stopgap.orchestrator.cli.view import view
from stopgap.orchestrator.journal import History, Journal, state_home


def watch(args: Namespace) -> int:
    """Show a run live until the end, or until q or Ctrl-C; without a terminal, once."""
    screen = screens.out()
    with Journal.open_to_read(state_home()) as journal:
        run = journal.resolve(args.run)
        history = journal.history(run)
        if screen.is_terminal and sys.stdin.isatty() and history.state == "running":
            history = _follow(journal, run)
    for text, style in view(history):
        screen.line(text, style)
    return int(bool(history.damage))


def _follow(journal: Journal, run: str) -> History:
    """Draw the run repeatedly; return the last history."""
    history, elsewhere = journal.history(run), Elsewhere(journal)
    canvas = Canvas("q leaves; the run goes on")
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

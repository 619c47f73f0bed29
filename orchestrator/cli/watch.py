"""watch: look on at a run from any terminal. It reads the journal, and touches neither hosts nor the run."""

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
    """Show a run as it goes on, until it ends, or q or Ctrl-C is pressed; without a terminal, once."""
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
    """Draw the run again and again; give it as it was last seen."""
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

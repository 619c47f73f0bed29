"""The words about an order over several sites."""

from __future__ import annotations

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.outcome import run_outcome, word_of
from stopgap.orchestrator.run.whole import Whole
from stopgap.orchestrator.text import tr


def show_whole(screen: screens.Screen, whole: Whole) -> None:
    """Show the runs of an order at several sites, and their common verdict."""
    code = whole.exit_code
    for each in whole.runs:
        screen.line(tr("{site}: run {run}: {word}", site=each.site, run=each.run, word=word_of(each.state)), "quiet")
    screen.line(
        tr(
            "all {count} sites together: {word}",
            count=len(whole.runs),
            word=word_of("running") if code is None else word_of(run_outcome(code)),
        ),
        "bad" if code else "title",
    )

"""Messages for a damaged journal, and for run folders unknown to the journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import DamagedRunError, Stray

_NAMED = 5
"""Problems of one run that are listed."""


def damage_refused(error: DamagedRunError, *, anyway: bool) -> RefusedError:
    """Show the damage of a run's journal; return the error that ends the command.

    `anyway`: --anyway was typed, and the records cannot be read even so.
    """
    show_damage(screens.err(), error.run, error.problems)
    tail = "" if anyway else tr(", then add --anyway")
    return RefusedError(
        tr(
            "the journal of run {run} is damaged, and nothing is done on its word. Look at it and at the "
            "hosts yourself{tail}.",
            run=error.run,
            tail=tail,
        )
    )


def show_damage(screen: screens.Screen, run: str, problems: Iterable[str]) -> bool:
    """List the problems of a run's journal; return True if any."""
    found = list(problems)
    for problem in found[:_NAMED]:
        screen.line(tr("damaged: run {run}: {problem}", run=run, problem=problem), "bad")
    if len(found) > _NAMED:
        screen.line(
            tr(
                "damaged: run {run}: and {count} problems more: stopgap verify {run}",
                run=run,
                count=len(found) - _NAMED,
            ),
            "bad",
        )
    return bool(found)


def show_strays(screen: screens.Screen, strays: Iterable[Stray]) -> bool:
    """List the runs with a difference between journal and folders; return True if any."""
    found = list(strays)
    for stray in found:
        screen.line(tr("damaged: {stray}", stray=stray), "bad")
    return bool(found)

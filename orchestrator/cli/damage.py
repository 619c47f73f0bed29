"""Messages for a damaged journal, and for run folders unknown to the journal."""

from __future__ import annotations

from collections.abc import Iterable

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.journal import DamagedRunError, Stray

_NAMED = 5
"""Problems of one run that are listed."""


def damage_refused(error: DamagedRunError, *, anyway: bool) -> RefusedError:
    """Show the damage of a run's journal; return the error that ends the command.

    `anyway`: --anyway was typed, and the records cannot be read even so.
    """
    show_damage(screens.err(), error.run, error.problems)
    tail = "" if anyway else ", then add --anyway"
    return RefusedError(
        f"the journal of run {error.run} is damaged, and nothing is done on its word. "
        f"Look at it and at the hosts yourself{tail}."
    )


def show_damage(screen: screens.Screen, run: str, problems: Iterable[str]) -> bool:
    """List the problems of a run's journal; return True if any."""
    found = list(problems)
    for problem in found[:_NAMED]:
        screen.line(f"damaged: run {run}: {problem}", "bad")
    if len(found) > _NAMED:
        screen.line(f"damaged: run {run}: and {len(found) - _NAMED} problems more: stopgap verify {run}", "bad")
    return bool(found)


def show_strays(screen: screens.Screen, strays: Iterable[Stray]) -> bool:
    """List the runs with a difference between journal and folders; return True if any."""
    found = list(strays)
    for stray in found:
        screen.line(f"damaged: {stray}", "bad")
    return bool(found)

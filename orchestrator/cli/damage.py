"""Messages for a damaged journal, and for run folders unknown to the journal."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.failure import Stop
from stopgap.orchestrator.journal import DamagedRunError, History, Journal
from stopgap.orchestrator.run.outcome import REFUSED
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.run.trust import trusted

_NAMED = 5
"""Problems of one run that are listed."""


def to_act_on(journal: Journal, run: str, args: Namespace) -> History:
    """Return a run's history for an action; refuse (exit 4) a damaged journal, unless `--anyway` is given."""
    try:
        history = trusted(journal, run, anyway=args.anyway, by=operator())
    except DamagedRunError as error:
        show_damage(screens.err(), error.run, error.problems)
        tail = "" if args.anyway else ", then add --anyway"
        raise Stop(
            REFUSED,
            f"the journal of run {run} is damaged, and nothing is done on its word. "
            f"Look at it and at the hosts yourself{tail}.",
        ) from None
    if history.damage or history.unsigned:
        show_damage(screens.err(), run, (*history.damage, *history.unsigned))
    return history


def show_damage(screen: screens.Screen, run: str, problems: Iterable[str]) -> bool:
    """List the problems of a run's journal; return True if any."""
    found = list(problems)
    for problem in found[:_NAMED]:
        screen.line(f"damaged: run {run}: {problem}", "bad")
    if len(found) > _NAMED:
        screen.line(f"damaged: run {run}: and {len(found) - _NAMED} problems more: stopgap verify {run}", "bad")
    return bool(found)


def show_strays(screen: screens.Screen, journal: Journal) -> bool:
    """List the runs with a difference between journal and folders; return True if any."""
    found = journal.strays()
    for stray in found:
        screen.line(f"damaged: {stray}", "bad")
    return bool(found)

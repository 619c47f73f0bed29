"""Layout of verdicts: the present verdict, and the verdict of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.journal import Containment
from stopgap.orchestrator.journal.open_hosts import OpenHost
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.run.standing import open_text
from stopgap.orchestrator.run.verdict import Again
from stopgap.orchestrator.text import joined, tr

_REASONS = 6
"""Reasons that one line names."""
_STYLES = {"contained": "good", "partly": "bad"}


def show_containment(screen: Screen, containment: Mapping[str, str], state: str = "") -> None:
    """Show the verdict by target; a run with an unfinished `state` has no verdict yet."""
    why = {"interrupted": tr(": the run did not finish; `resume` proves it"), "running": tr(": not proved yet")}.get(
        state, ""
    )
    for target, word in containment.items():
        said = {
            "contained": tr("{target} is contained.", target=target),
            "partly": tr("{target} is partly contained; what is open is named above.", target=target),
        }
        screen.line(
            said.get(word, tr("{target}: containment unverified{why}.", target=target, why=why)),
            _STYLES.get(word, "warn"),
        )


def show_again(screen: Screen, again: Again, state: str = "") -> None:
    """Show the present verdict; the run's verdict is shown as past, with the time."""
    was = tr("{target} was {was}", target=again.target, was=word_of(again.was)) + (
        tr(" at {at}", at=moment(again.at)) if again.at else ""
    )
    reasons = joined("; ", again.reasons[:_REASONS])
    more = tr("; and {count} more", count=len(again.reasons) - _REASONS) if len(again.reasons) > _REASONS else ""
    why = tr(": {reasons}{more}", reasons=reasons, more=more) if reasons else ""
    if again.now is None:
        if again.was == "unverified":
            show_containment(screen, {again.target: again.was}, state)
        else:
            screen.line(tr("{was}; not looked at again.", was=was), "warn")
    elif again.worse and again.was == "contained":
        screen.line(tr("{was}; not any more{why}.", was=was, why=why), "bad")
    elif again.unseen:
        screen.line(tr("{was}; it could not be seen again{why}.", was=was, why=why), "warn")
    elif again.now == "partly":
        screen.line(tr("{target} is partly contained{why}.", target=again.target, why=why), "bad")
    else:
        show_containment(screen, {again.target: again.now}, state)


def show_past_verdicts(screen: Screen, containment: Sequence[Containment], state: str) -> None:
    """Show the run's verdict on each target with a block in force, with the time of the check."""
    for cut in containment:
        if cut.in_force:
            show_again(screen, Again(cut.target, cut.verdict, cut.proved_at, None), state)


def show_open_hosts(screen: Screen, hosts: Sequence[OpenHost]) -> None:
    """Name the hosts that everybody reaches again with open findings, and the command that contains each."""
    for host in hosts:
        style = "bad" if host.is_wrong else "warn"
        screen.line(open_text(host), style)
        screen.line(tr("  Cut it off again: {cut_again}", cut_again=host.cut_again), style)

"""Layout of verdicts: the present verdict, and the verdict of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.journal import Containment
from stopgap.orchestrator.journal.open_hosts import OpenHost
from stopgap.orchestrator.run.verdict import Again
from stopgap.orchestrator.severity import SEVERITIES

_REASONS = 6
"""Reasons that one line names."""
_STYLES = {"contained": "good", "partly": "bad"}


def show_containment(screen: Screen, containment: Mapping[str, str], state: str = "") -> None:
    """Show the verdict by target; a run with an unfinished `state` has no verdict yet."""
    why = {"interrupted": ": the run did not finish; `resume` proves it", "running": ": not proved yet"}.get(
        state, ""
    )
    for target, word in containment.items():
        said = {
            "contained": f"{target} is contained.",
            "partly": f"{target} is partly contained; what is open is named above.",
        }
        screen.line(said.get(word, f"{target}: containment unverified{why}."), _STYLES.get(word, "warn"))


def show_again(screen: Screen, again: Again, state: str = "") -> None:
    """Show the present verdict; the run's verdict is shown as past, with the time."""
    was = f"{again.target} was {again.was}" + (f" at {moment(again.at)}" if again.at else "")
    reasons = "; ".join(again.reasons[:_REASONS])
    more = f"; and {len(again.reasons) - _REASONS} more" if len(again.reasons) > _REASONS else ""
    why = f": {reasons}{more}" if reasons else ""
    if again.now is None:
        if again.was == "unverified":
            show_containment(screen, {again.target: again.was}, state)
        else:
            screen.line(f"{was}; not looked at again.", "warn")
    elif again.worse and again.was == "contained":
        screen.line(f"{was}; not any more{why}.", "bad")
    elif again.unseen:
        screen.line(f"{was}; it could not be seen again{why}.", "warn")
    elif again.now == "partly":
        screen.line(f"{again.target} is partly contained{why}.", "bad")
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
        counts = {s: sum(each.finding.severity == s for each in host.findings) for s in SEVERITIES}
        found = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
        since = f" since {moment(host.since)}" if host.since else ""
        style = "bad" if host.is_wrong else "warn"
        screen.line(
            f"{host.target} stands open{since}, with findings that nobody has shown to be gone: {found}.", style
        )
        screen.line(f"  Cut it off again: {host.cut_again}", style)

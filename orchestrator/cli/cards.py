"""The first screen of findings: the ten worst cards, how many there are, and what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence

from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.findings.cards import cards, command, counted
from stopgap.orchestrator.findings.model import Findings
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.text import tr

FIRST = 10
"""Cards on the first screen."""
LONGEST = 110
"""Characters of what was seen that the first screen shows."""
_STYLE = {"critical": "bad", "high": "bad", "medium": "warn", "low": "", "info": "quiet"}


def show_cards(
    screen: Screen, judged: Sequence[Findings], run: str, *, every: bool, at_least: Severity = "low", since: str = ""
) -> None:
    """Show the worst cards of all hosts, each with the command that shows the thing; with `every`, all of them."""
    found = cards(judged, at_least=at_least, since=since)
    counts = ", ".join(f"{count} {severity}" for severity, count in counted(found).items())
    screen.line(
        tr("{count} things to look at: {counts}", count=len(found), counts=counts)
        if found
        else tr("Nothing to look at in what was compared"),
        "title",
    )
    hosts = {card.host for card in found}
    for card in found if every else found[:FIRST]:
        where = f"{card.host}: " if len(hosts) > 1 else ""
        screen.line(f"{card.severity:<9} {where}{card.about}", _STYLE[card.severity])
        if every:
            for each in card.seen:
                screen.line(f"          {each.finding.title}: {each.sighting.what}  [{each.finding.id}]")
        else:
            worst = card.seen[0]
            more = tr(", and {count} more rules", count=len(card.rules) - 1) if len(card.rules) > 1 else ""
            screen.line(f"          {worst.finding.title}{more}  [{worst.finding.id}]")
            screen.line(f"          {_cut(worst.sighting.what)}", "quiet")
        if every and card.harmless:
            screen.line(tr("          harmless if: {harmless}", harmless=" ".join(card.harmless)), "quiet")
        screen.line(f"          {command(card.seen[0], run)}", "quiet")
    if len(found) > FIRST and not every:
        screen.line(
            tr("… {count} more; --all shows each, --severity high the worst of them", count=len(found) - FIRST),
            "quiet",
        )
    missed = sum(len(each.not_looked) for each in judged)
    if missed:
        screen.line(
            tr("Not looked at, or not wholly: {missed} rules; each is named below with its reason", missed=missed),
            "warn",
        )
    screen.line()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

"""The first screen of findings, 80 by 24: the worst cards, how many there are, and what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence

from stopgap.orchestrator.cli.screen import WIDTH, Screen, shown, width_of
from stopgap.orchestrator.findings.cards import Card, cards, command, counted
from stopgap.orchestrator.findings.model import Findings
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.text import tr

FIRST = 10
"""Cards on the first screen, at most."""
LINES = 20
"""Lines of a terminal of 24 that cards may take: a title, what is left out, what was not looked at, and the prompt
take the others.
"""
_LONGEST = 48
"""Columns of the name of an object; a longer one loses its middle."""
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
    several = len({card.host for card in found}) > 1
    first = found if every else _that_fit(found, run, several)
    for card in first:
        if every:
            _show_whole(screen, card, run, several)
            continue
        screen.line(_in_a_line(card, several), _STYLE[card.severity])
        screen.line(f"  {command(card.seen[0], run)}", "quiet")
    if len(found) > len(first):
        screen.line(
            tr("… {count} more; --all shows each, --severity high the worst of them", count=len(found) - len(first)),
            "quiet",
        )
    missed = sum(len(each.not_looked) for each in judged)
    if missed:
        screen.line(
            tr("Not looked at, or not wholly: {missed} rules; each is named below with its reason", missed=missed),
            "warn",
        )
    screen.line()


def _that_fit(found: Sequence[Card], run: str, several: bool) -> Sequence[Card]:
    """Return the worst cards, as many as leave room on the screen: a command that is cut off would be of no use."""
    left = LINES
    for number, card in enumerate(found[:FIRST]):
        left -= 1 + -(-width_of(shown(f"  {command(card.seen[0], run)}")) // WIDTH)
        if left < 0:
            return found[:number]
    return found[:FIRST]


def _in_a_line(card: Card, several: bool) -> str:
    """Return severity, object and worst finding of a card, in WIDTH columns."""
    where = f"{card.host}: " if several else ""
    more = f" (+{len(card.rules) - 1})" if len(card.rules) > 1 else ""
    begin = f"{card.severity:<9} {where}{_without_middle(shown(card.about))}: "
    return f"{begin}{_cut(shown(card.seen[0].finding.title), WIDTH - width_of(begin) - len(more))}{more}"


def _show_whole(screen: Screen, card: Card, run: str, several: bool) -> None:
    """Show all that speaks for and against a card."""
    where = f"{card.host}: " if several else ""
    screen.line(f"{card.severity:<9} {where}{card.about}", _STYLE[card.severity])
    for each in card.seen:
        screen.line(f"          {each.finding.title}: {each.sighting.what}  [{each.finding.id}]")
    if card.harmless:
        screen.line(tr("          harmless if: {harmless}", harmless=" ".join(card.harmless)), "quiet")
    screen.line(f"          {command(card.seen[0], run)}", "quiet")


def _cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits into some columns."""
    if width_of(text) <= width:
        return text
    while text and width_of(text) >= width:
        text = text[:-1]
    return f"{text}…"


def _without_middle(text: str) -> str:
    if width_of(text) <= _LONGEST:
        return text
    end = text[-(_LONGEST // 2) :]
    return f"{_cut(text, _LONGEST - width_of(end))}{end}"

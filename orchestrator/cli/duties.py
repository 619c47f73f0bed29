"""incident duties, incident duty: whom an incident may have to be told to, until when, and what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal, open_journal_to_read
from stopgap.orchestrator.cli.papers import put
from stopgap.orchestrator.cli.screen import Screen, said
from stopgap.orchestrator.documents.duties import duties_document
from stopgap.orchestrator.duties import due_text
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal.incident_records import DutyDecided
from stopgap.orchestrator.journal.incidents import Incident, decide_duty, find_incident
from stopgap.orchestrator.language import Language, spoken
from stopgap.orchestrator.report.duties import (
    DutyStanding,
    checked_text,
    counted_text,
    draft,
    duty_standings,
    state_text,
)
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.secret import redact
from stopgap.orchestrator.source import did_you_mean
from stopgap.orchestrator.text import Text, tr


@dataclass(frozen=True)
class DutiesOptions:
    """The options of `stopgap incident duties`."""

    incident: str | None = None
    """None: the latest open incident."""
    json: bool = False


@dataclass(frozen=True)
class DutyOptions:
    """The options of `stopgap incident duty`."""

    duty: str
    incident: str | None = None
    """None: the latest open incident."""
    decision: Literal["owed", "not-owed", "sent"] | None = None
    """None: show the duty."""
    at: datetime | None = None
    """When the notice was sent; None: now."""
    reference: str = ""
    reason: str = ""
    draft: bool = False
    output: Path | None = None
    """Of the draft; None: standard output."""
    json: bool = False


def duties(options: DutiesOptions) -> int:
    """Show the duties of an incident, by deadline; return 0."""
    incident, standings = _standings(options.incident)
    if options.json:
        print_document(duties_document(incident, standings))
        return 0
    screen = screens.out()
    screen.line(tr("Duties to notify, {incident}", incident=incident.name), "title")
    screen.line(_lawyer())
    screen.line()
    now = datetime.now(UTC)
    for standing in standings:
        _show_line(screen, standing, now)
    screen.line()
    screen.line(tr("Each with basis, items and draft: stopgap incident duty NAME [--draft]"))
    screen.line(tr("What was decided or sent: --owed, --sent [TIME] [--reference NO], --not-owed REASON"))
    return 0


def duty(options: DutyOptions) -> int:
    """Show a duty, print its draft, or record what a person decided or sent; return 0."""
    incident, standings = _standings(options.incident)
    standing = next((each for each in standings if each.duty.id == options.duty), None)
    if standing is None:
        known = [each.duty.id for each in standings]
        hint = did_you_mean(options.duty, known)
        raise UsageError(
            tr("no duty `{duty}`; there are {known}", duty=options.duty, known=", ".join(known))
            + (f"; {hint}" if hint else "")
        )
    if options.decision is not None:
        return _decide(options, incident)
    if options.draft:
        put(options.output, redact(draft(standing, incident, spoken())))
        return 0
    if options.json:
        print_document(duties_document(incident, [standing]))
        return 0
    _show_whole(screens.out(), standing)
    return 0


def _standings(name: str | None) -> tuple[Incident, tuple[DutyStanding, ...]]:
    with open_journal_to_read() as journal:
        incident = find_incident(journal, name)
        histories = [journal.history(run) for run in incident.runs]
    return incident, duty_standings(incident, histories, spoken())


def _decide(options: DutyOptions, incident: Incident) -> int:
    assert options.decision is not None  # noqa: S101 (the caller has asked)
    at = options.at or datetime.now().astimezone()
    word = DutyDecided(
        duty=options.duty,
        state=options.decision,
        at=at.isoformat(timespec="seconds"),
        reference=options.reference,
        reason=options.reason,
        by=operator(),
    )
    with open_journal() as journal:
        decide_duty(journal, incident, word)
    _, standings = _standings(incident.name)
    (standing,) = (each for each in standings if each.duty.id == options.duty)
    if options.json:
        print_document(duties_document(incident, [standing]))
        return 0
    screens.out().line(tr("{duty}: {state}", duty=options.duty, state=state_text(standing)))
    return 0


def _show_line(screen: Screen, standing: DutyStanding, now: datetime) -> None:
    lang: Language = spoken()
    open_ = standing.state in {"undecided", "owed"}
    late = standing.is_late(now)
    when = tr("past: {due}", due=due_text(standing.due)) if late else due_text(standing.due)
    first = tr("{when} · {state}", when=when, state=state_text(standing)) if open_ else state_text(standing)
    screen.line(f"{standing.duty.id}  {said(first)}", "bad" if late else "" if open_ else "quiet")
    to = tr(
        "{notice}, to: {addressee}",
        notice=standing.duty.name.said(lang),
        addressee=standing.duty.addressee.said(lang),
    )
    screen.line(f"    {said(to)}", "" if open_ else "quiet")
    if open_ and standing.duty.items:
        items = tr("{known} of {all} items are known", known=len(standing.known), all=len(standing.duty.items))
        screen.line(f"    {said(items)}")


def _show_whole(screen: Screen, standing: DutyStanding) -> None:
    lang: Language = spoken()
    duty = standing.duty
    screen.line(f"{duty.id}  {duty.name.said(lang)}", "title")
    rows: list[tuple[Text, str]] = [
        (tr("addressee"), duty.addressee.said(lang)),
        (tr("when"), duty.when.said(lang)),
        (tr("deadline"), said(due_text(standing.due))),
        (tr("counting"), said(counted_text(standing))),
        (tr("state"), said(state_text(standing))),
        (tr("basis"), duty.basis.said(lang)),
        (tr("source"), duty.source or said(tr("none"))),
        (tr("checked"), said(checked_text(duty, lang))),
        (tr("how"), duty.way.said(lang)),
    ]
    if duty.note:
        rows.append((tr("note"), duty.note.said(lang)))
    for name, text in rows:
        screen.line(f"  {said(name)}: {text}")
    answers = dict(standing.known)
    for item in duty.items:
        text = answers.get(item, tr("unknown"))
        screen.line(f"  - {item.name.said(lang)}: {said(text)}", "" if item in answers else "warn")
    screen.line(_lawyer())


def _lawyer() -> Text:
    return tr("Whether a notice is owed, and by when, a lawyer decides. Stopgap sends none of them.")

"""What is to be decided and done, the duties to notify, and what went well. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from stopgap.orchestrator.duties import Duty, due_text
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.incidents import Action, Incident
from stopgap.orchestrator.journal.open_findings import open_findings
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.report.duties import duty_standings
from stopgap.orchestrator.report.model import (
    ReportAction,
    ReportContainment,
    ReportDuty,
    ReportGood,
    ReportMessage,
)
from stopgap.orchestrator.text import Text, tr, trn

_DUTIES = 6
"""Duties that the first screen names."""


def actions(
    incident: Incident, histories: Sequence[History], containment: Sequence[ReportContainment], now: datetime
) -> tuple[ReportAction, ...]:
    """Return what is to be decided and done: what follows from the records, then what people have added, by due day.

    What is done comes last.
    """
    owner = incident.details.reporter or ""
    ends = {each.target: each.until for each in containment if each.in_force and each.until}
    found = [*_from_records(histories, owner, ends), *(_action(each, now.date()) for each in incident.actions)]
    return tuple(sorted(found, key=_urgency))


def duties(incident: Incident, histories: Sequence[History], now: datetime) -> tuple[ReportDuty, ...]:
    """Return the duties to notify by law or contract that are not settled, and those that somebody has decided to do.

    By deadline; those without a fixed one last.
    """
    open_ = [each for each in duty_standings(incident, histories) if each.state in {"undecided", "owed"}]
    open_.sort(key=lambda each: (each.due is None, each.due.at if each.due else now))
    return tuple(
        ReportDuty(
            id=each.duty.id,
            text=_name(each.duty, "en"),
            state=each.state,
            due=due_text(each.due),
            late=each.is_late(now),
        )
        for each in open_
        if each.state == "owed" or each.duty.binding != "voluntary"
    )


def duty_names(incident: Incident, histories: Sequence[History]) -> dict[str, str]:
    """Return the English name of each duty with the Japanese name."""
    return {_name(each.duty, "en"): _name(each.duty, "ja") for each in duty_standings(incident, histories)}


def _name(duty: Duty, lang: Language) -> str:
    """Return the name of a notice with the law, since several laws know an early warning."""
    return f"{duty.law.upper()} {duty.name.said(lang)}"


def went_well(
    incident: Incident, containment: Sequence[ReportContainment], messages: Sequence[ReportMessage], started: datetime
) -> Iterator[ReportGood]:
    """Yield what went well, as far as the records show it, and what people said."""
    for each in containment:
        if each.cut_at and each.proved_at and each.verdict == "contained":
            seconds = max(0.0, (each.proved_at - started).total_seconds())
            yield ReportGood(kind="contained", host=each.target, seconds=seconds)
            if all(proof.holds for proof in each.proofs):
                yield ReportGood(kind="all-held", host=each.target, count=len(each.proofs))
    if messages and all(message.state == "sent" for message in messages):
        yield ReportGood(kind="all-sent", count=len(messages))
    for told in incident.notes:
        if told.went_well:
            yield ReportGood(kind="said", text=told.text, by=told.by)


def _from_records(histories: Sequence[History], owner: str, ends: dict[str, datetime]) -> Iterator[ReportAction]:
    open_ = [each for each in open_findings(histories) if each.state != "accepted"]
    for target in dict.fromkeys(each.target for each in open_):
        count = sum(each.target == target for each in open_)
        text: Text = trn("Decide on 1 open finding", "Decide on {count} open findings", count)
        yield ReportAction(number=0, kind="findings", host=target, text=text, owner=owner, due_at=ends.get(target))
    for target, until in ends.items():
        text = tr("Recover, or extend the block before it ends by itself")
        yield ReportAction(number=0, kind="ends", host=target, text=text, owner=owner, due_at=until)
    for history in histories:
        for asked in history.waiting if history.state == "running" else ():
            yield ReportAction(number=0, kind="question", host=asked.target, text=asked.question.text, owner=owner)


def _action(action: Action, today: date) -> ReportAction:
    due = date.fromisoformat(action.added.due)
    return ReportAction(
        number=action.added.number,
        kind="decision" if action.added.decision else "action",
        text=action.added.text,
        owner=action.added.owner,
        due=due,
        late=action.done is None and due < today,
        done_at=action.done_at,
        result=action.done.result if action.done else "",
    )


def _urgency(action: ReportAction) -> tuple[bool, bool, str]:
    due = action.due.isoformat() if action.due else action.due_at.isoformat() if action.due_at else ""
    return action.done_at is not None, action.kind == "action", due

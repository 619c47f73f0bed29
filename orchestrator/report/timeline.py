"""The timeline of a report: the events needed by a reader, in the journal's order."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal import Entry, History
from stopgap.orchestrator.journal.records import (
    Answered,
    ChangeIntended,
    ChangeMade,
    CheckJudged,
    DamageAccepted,
    EvidenceKept,
    HostUnreachable,
    MessageIntended,
    MessagePosted,
    PlanMade,
    RollbackTimerSettled,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    UndoMade,
)
from stopgap.orchestrator.report.model import Event

MESSAGES_SHOWN = 20
"""Of one step; a notice to customers may have gone to thousands."""


def timeline(history: History) -> Iterator[Event]:
    """Yield the events; announcements of other records, and the end of a long list, are omitted."""
    changes: dict[tuple[str, str, int], ChangeIntended] = {}
    names: dict[tuple[str, str], str] = {}
    messages: dict[str, MessageIntended] = {}
    posted: dict[tuple[str, str], int] = {}
    for entry in history.entries:
        record = entry.record
        if isinstance(record, ChangeIntended):
            changes[record.step, record.target, record.index] = record
        elif isinstance(record, StepStarted):
            names[record.step, record.target] = record.name
        elif isinstance(record, ChangeMade | UndoMade | RollbackTimerSettled):
            intended = changes.get((record.step, record.target, record.index))
            kind = "change" if isinstance(record, ChangeMade) else "undo"
            if intended and record.outcome not in {"not-run", "confirmed"}:
                does = intended.change.describe()
                yield _event(entry, kind, intended.host, does, result=record.outcome, detail=record.reason)
        elif isinstance(record, MessageIntended):
            messages[record.key] = record
        elif isinstance(record, MessagePosted):
            posted[record.step, record.target] = posted.get((record.step, record.target), 0) + 1
            if record.outcome == "sent" and posted[record.step, record.target] > MESSAGES_SHOWN:
                continue
            about = f"{messages[record.key].about}, {record.to}" if record.key in messages else record.to
            yield _event(entry, "message", text=about, result=record.outcome, detail=record.detail)
        elif isinstance(record, StepFinished):
            name = names.get((record.step, record.target), record.step)
            yield _event(entry, "step", record.host, name, result=record.outcome, detail=record.reason)
        else:
            yield from _plain(entry)


def _plain(entry: Entry) -> Iterator[Event]:
    match entry.record:
        case RunStarted() as started:
            yield _event(entry, "run-started", text=started.runbook_name, detail=started.operator)
        case PlanMade() as plan:
            yield _event(entry, "plan-made", text=plan.digest[:8])
        case HostUnreachable() as lost:
            yield _event(entry, "host-unreachable", lost.host, detail=lost.reason)
        case CheckJudged() as check:
            result = {True: "holds", False: "fails", None: "unseen"}[check.holds]
            yield _event(entry, "check", check.vantage, check.about, result=result, detail=check.seen)
        case EvidenceKept() as kept:
            yield _event(entry, "evidence", kept.host, kept.profile, detail=kept.folder)
        case Answered() as answer:
            yield _event(entry, "answer", answer.target, answer.question, result=answer.answer, detail=answer.by)
        case DamageAccepted() as accepted:
            yield _event(entry, "damage", text=accepted.by, detail="; ".join(accepted.problems))
        case RunFinished() as end:
            yield _event(entry, "run-finished", result=end.outcome)


def _event(entry: Entry, kind: str, host: str = "", text: str = "", *, result: str = "", detail: str = "") -> Event:
    return Event.model_validate(
        {
            "at": entry.at,
            "kind": kind,
            "result": escape(result),
            "host": escape(host),
            "text": escape(text),
            "detail": escape(detail),
        }
    )

"""The timeline of a report: the events needed by a reader, in the journal's order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from stopgap.orchestrator.journal import Entry, History
from stopgap.orchestrator.journal.approval_records import ApprovalAsked, ApprovalsUsed, Authorized
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled, EvidenceStored
from stopgap.orchestrator.journal.incident_records import (
    ActionAdded,
    ActionDone,
    DutyDecided,
    IncidentClosed,
    IncidentDescribed,
    IncidentOpened,
    Noted,
)
from stopgap.orchestrator.journal.pruned_records import RunPruned
from stopgap.orchestrator.journal.records import (
    Answered,
    Asked,
    ChangeIntended,
    ChangeMade,
    CheckJudged,
    DamageAccepted,
    DriverChosen,
    EvidenceKept,
    FindingsMade,
    HostUnreachable,
    MessageIntended,
    MessagePosted,
    PlanMade,
    RollbackTimerSettled,
    RunFinished,
    RunStarted,
    StepFinished,
    SteppedBack,
    StepStarted,
    UndoIntended,
    UndoMade,
    WrittenApart,
)
from stopgap.orchestrator.journal.site_records import RunPaused, RunQueued, UndoEnded, UndoOrdered
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
        match record:
            case ChangeIntended():
                changes[record.step, record.target, record.index] = record
            case StepStarted():
                names[record.step, record.target] = record.name
            case ChangeMade() | UndoMade() | RollbackTimerSettled():
                intended = changes.get((record.step, record.target, record.index))
                if intended and record.outcome not in {"not-run", "confirmed"}:
                    kind, about = "change" if record.kind == "change-made" else "undo", intended.change.describe()
                    yield _event(entry, kind, intended.host, about, result=record.outcome, detail=record.reason)
            case MessageIntended():
                messages[record.key] = record
            case MessagePosted():
                posted[record.step, record.target] = posted.get((record.step, record.target), 0) + 1
                if record.outcome == "sent" and posted[record.step, record.target] > MESSAGES_SHOWN:
                    continue
                about = f"{messages[record.key].about}, {record.to}" if record.key in messages else record.to
                yield _event(entry, "message", text=about, result=record.outcome, detail=record.detail)
            case StepFinished():
                about = names.get((record.step, record.target), record.step)
                yield _event(entry, "step", record.host, about, result=record.outcome, detail=record.reason)
            case RunStarted():
                yield _event(entry, "run-started", text=record.runbook_name, detail=record.operator)
            case PlanMade():
                yield _event(entry, "plan-made", text=record.digest[:8])
            case HostUnreachable():
                yield _event(entry, "host-unreachable", record.host, detail=record.reason)
            case CheckJudged():
                result = {True: "holds", False: "fails", None: "unseen"}[record.holds]
                yield _event(entry, "check", record.vantage, record.about, result=result, detail=record.seen)
            case EvidenceKept():
                yield _event(entry, "evidence", record.host, record.profile, detail=record.folder)
            case Answered():
                yield _event(entry, "answer", record.target, record.question, result=record.answer, detail=record.by)
            case SteppedBack() | DamageAccepted() | Authorized() | ApprovalAsked():
                yield _act(entry, record)
            case RunFinished():
                yield _event(entry, "run-finished", result=record.outcome)
            case (
                UndoIntended()
                | DriverChosen()
                | Asked()
                | FindingsMade()
                | EvidenceHandled()
                | EvidenceStored()
                | IncidentOpened()
                | IncidentDescribed()
                | DutyDecided()
                | ActionAdded()
                | ActionDone()
                | Noted()
                | IncidentClosed()
                | RunPruned()
                | ApprovalsUsed()
                | RunQueued()
                | RunPaused()
                | UndoOrdered()
                | UndoEnded()
                | WrittenApart()
            ):
                pass  # announces another record, has a section of its own, or stands in a chain of another kind
            case _:
                assert_never(record)


def _act(entry: Entry, record: SteppedBack | DamageAccepted | Authorized | ApprovalAsked) -> Event:
    match record:
        case SteppedBack():
            return _event(entry, "stepped-back", text=", ".join(record.steps), detail=record.by)
        case DamageAccepted():
            return _event(entry, "damage", text=record.by, detail="; ".join(record.problems))
        case Authorized(action="approve"):
            return _event(entry, "approved", text=record.person)
        case Authorized():
            return _event(entry, "permitted", text=record.person, detail=record.action)
        case ApprovalAsked():
            kind = "emergency" if record.emergency else "approval-asked"
            return _event(entry, kind, text=record.person, detail=record.emergency)
        case _:
            assert_never(record)


def _event(entry: Entry, kind: str, host: str = "", text: str = "", *, result: str = "", detail: str = "") -> Event:
    return Event.model_validate(
        {
            "at": entry.at,
            "kind": kind,
            "result": result,
            "host": host,
            "text": text,
            "detail": detail,
        }
    )

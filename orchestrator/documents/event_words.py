"""The severity and the one line of words of a record's event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

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
    AnyRecord,
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
from stopgap.orchestrator.outcome import Outcome, RunOutcome
from stopgap.orchestrator.severity import SEVERITIES, Severity
from stopgap.orchestrator.text import Text, joined, tr, trn

_OUTCOMES: dict[str, Severity] = {
    "done": "info",
    "undone": "info",
    "confirmed": "info",
    "sent": "info",
    "not-run": "low",
    "no-undo": "medium",
    "unknown": "high",
    "failed": "high",
    "drifted": "high",
    "taken-back": "high",
}
_STEPS: dict[Outcome, Severity] = {
    Outcome.CHANGED: "info",
    Outcome.UNCHANGED: "info",
    Outcome.SKIPPED: "low",
    Outcome.REFUSED: "medium",
    Outcome.UNREACHABLE: "high",
    Outcome.UNKNOWN: "high",
    Outcome.FAILED: "high",
}


def severity_of(record: AnyRecord) -> Severity:
    """Return how bad the news of a record is: `info` to `critical`, as for findings."""
    match record:
        case ChangeMade() | UndoMade() | RollbackTimerSettled() | MessagePosted():
            return _OUTCOMES[record.outcome]
        case StepFinished():
            return severity_of_step(record.outcome)
        case HostUnreachable() | DamageAccepted():
            return "high"
        case WrittenApart():
            return "high" if record.contested else "low"
        case Asked() | ApprovalAsked():
            return "medium"
        case CheckJudged():
            if record.holds is None:
                return "low"
            return "info" if record.holds else "high" if record.containment else "medium"
        case FindingsMade():
            found = {finding.severity for finding in record.findings}
            worst: Severity = next((severity for severity in SEVERITIES if severity in found), "info")
            return "medium" if record.trouble and worst in {"low", "info"} else worst
        case RunFinished():
            return severity_of_run(record.outcome)
        case UndoEnded():
            return "high" if record.exit_code else "info"
        case SteppedBack():
            return "low"
        case _:
            return "info"


def severity_of_step(outcome: Outcome) -> Severity:
    """Return how bad the end of a step is."""
    return _STEPS[outcome]


def severity_of_run(outcome: str) -> Severity:
    """Return how bad the end of a run or of an undo is; of a run that goes on: `info`.

    >>> severity_of_run("failed")
    'high'
    """
    if outcome in {RunOutcome.OK, "running"}:
        return "info"
    return "medium" if outcome in {RunOutcome.REFUSED, RunOutcome.INTERRUPTED} else "high"


def approval_words(record: ApprovalAsked) -> Text:
    """Return one line about a run that needs another person's approval."""
    digest = record.plan[:8]
    if record.emergency:
        return tr("plan {digest} goes first and is to be approved after: {why}", digest=digest, why=record.emergency)
    return tr("plan {digest} waits for another person's approval", digest=digest)


def ended_words(outcome: str, containment: Mapping[str, str]) -> str:
    """Return one line about the end of a run."""
    verdicts = (f"{target} {verdict}" for target, verdict in containment.items())
    return joined(", ", (tr("the run has ended: {outcome}", outcome=outcome), *verdicts))


def summary_of(record: AnyRecord, change: ChangeIntended | None = None) -> str:
    """Return one line about a record, escaped. `change`: the change that the record is about."""
    match record:
        case RunStarted():
            return tr(
                "{runbook} on {targets}, by {operator}",
                runbook=record.runbook_name,
                targets=", ".join(record.targets),
                operator=record.operator,
            )
        case PlanMade():
            changes = trn("{count} change", "{count} changes", record.changes)
            return tr("plan {digest}: {changes}", digest=record.digest[:8], changes=changes)
        case DriverChosen():
            return tr("driver {driver}: {why}", driver=record.driver, why=record.why)
        case HostUnreachable():
            return tr("unreachable: {reason}", reason=record.reason)
        case StepStarted():
            return tr("begins: {name}", name=record.name)
        case ChangeIntended():
            return tr("will {change}", change=record.change.describe())
        case ChangeMade() | RollbackTimerSettled():
            about = change.change.describe() if change else record.step
            return joined(": ", filter(None, (about, record.outcome, record.reason)))
        case UndoIntended():
            return tr("will undo: {undo}", undo=change.change.describe_undo() if change else record.step)
        case UndoMade():
            about = change.change.describe_undo() if change else record.step
            return joined(": ", filter(None, (about, record.outcome, record.reason)))
        case CheckJudged():
            holds = {True: tr("holds"), False: tr("does not hold"), None: tr("not known")}[record.holds]
            return joined(": ", (record.about, holds, record.seen))
        case EvidenceKept():
            items = trn("{count} item", "{count} items", record.items)
            words = tr("evidence kept, {profile}: {items}", profile=record.profile, items=items)
            return tr("{words} in {folder}", words=words, folder=record.folder)
        case EvidenceHandled():
            return tr("evidence {folder}: {action} by {by}", folder=record.folder, action=record.action, by=record.by)
        case EvidenceStored():
            return tr("evidence {folder}: stored in {url}, and read back", folder=record.folder, url=record.url)
        case FindingsMade():
            if record.trouble:
                return tr("no findings of {folder}: {trouble}", folder=record.folder, trouble=record.trouble)
            count = trn("{count} finding", "{count} findings", len(record.findings))
            return tr("{count} in {folder}", count=count, folder=record.folder)
        case Asked():
            return tr("asks: {question}", question=record.question.text)
        case Authorized():
            return tr("{person} may {action}", person=record.person, action=record.action)
        case RunQueued():
            return tr("waits for a runner at {site}", site=record.site)
        case RunPaused():
            return tr("nothing but questions is open: the run goes on once somebody answers")
        case UndoOrdered():
            return tr("{by} wants the run undone", by=record.by)
        case UndoEnded():
            return joined(": ", filter(None, (tr("the undo has ended"), record.refusal)))
        case ApprovalAsked():
            return approval_words(record)
        case Answered():
            return tr("answered by {by}: {answer}", by=record.by, answer=record.answer)
        case MessageIntended():
            return tr("will send {about} to {to}", about=record.about, to=record.to)
        case MessagePosted():
            return joined(": ", filter(None, (record.to, record.outcome, record.detail)))
        case StepFinished():
            return joined(": ", filter(None, (record.outcome, record.reason)))
        case SteppedBack():
            return tr("goes back: {steps} again, by {by}", steps=", ".join(record.steps), by=record.by)
        case RunFinished():
            return ended_words(record.outcome, record.containment)
        case DamageAccepted():
            return tr("{by} goes on in spite of a damaged journal", by=record.by)
        case WrittenApart():
            return trn(
                "{count} record was written apart, out of reach of the team's database",
                "{count} records were written apart, out of reach of the team's database",
                record.records,
            )
        case (
            IncidentOpened()
            | IncidentDescribed()
            | Noted()
            | DutyDecided()
            | ActionAdded()
            | ActionDone()
            | IncidentClosed()
            | RunPruned()
            | ApprovalsUsed()
        ):  # in chains of their own, of which no stream tells
            return record.kind
        case _:
            assert_never(record)

"""Folds a run's records into a history. A pure function, for records in any order left by a crash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from stopgap.orchestrator.change import AnyChange
from stopgap.orchestrator.host import DriverFound
from stopgap.orchestrator.journal.approval_records import ApprovalAsked, ApprovalsUsed, Authorized
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled, EvidenceStored
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.history import (
    ChangeState,
    ChangeStatus,
    Containment,
    History,
    MessageStatus,
    RunState,
    StepStatus,
)
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
    Verdict,
    WrittenApart,
    step_of,
)
from stopgap.orchestrator.journal.site_records import RunPaused, RunQueued, UndoEnded, UndoOrdered
from stopgap.orchestrator.outcome import RunOutcome
from stopgap.orchestrator.text import tr

UNCONFIRMED = tr("made, but access was not confirmed: the host takes it back by itself")

_AFTER_UNDO: dict[str, ChangeState] = {
    "undone": "undone",
    "failed": "undo-failed",
    "drifted": "undo-drifted",
    "unknown": "undo-unknown",
    "no-undo": "no-undo",
}


def fold(run: str, entries: Iterable[Entry], *, now: datetime, running: bool) -> History:
    """Return the history of a run at a point in time; `running` tells of a process with the run's lock.

    Raises JournalError if the run's first record is missing.
    """
    held = tuple(entries)
    state = _Fold()
    for each in held:
        state.take(each.at, each.record)
    if state.started is None:
        raise JournalError(
            tr("run {run}: its first record is missing; `stopgap verify {run}` tells what is wrong", run=run)
        )
    changes = tuple(
        replace(change, expired=change.ends is not None and change.ends <= now) for change in state.changes.values()
    )
    steps = tuple(sorted(state.steps.values(), key=lambda step: step.number))
    return History(
        run=run,
        entries=held,
        as_of=now.astimezone(UTC),
        state=state.outcome(running),
        started=state.started[0],
        started_at=state.started[1],
        finished=state.finished[0] if state.finished else None,
        finished_at=state.finished[1] if state.finished else None,
        plan=state.plan,
        approval=state.approval,
        site=state.site,
        parts=state.parts,
        undo_ordered=state.undo_ordered,
        undo_ended=state.undo_ended,
        authorized=tuple(state.authorized),
        steps=steps,
        changes=changes,
        checks=tuple(check for check, _ in state.checks.values()),
        evidence=tuple(state.evidence),
        findings=tuple(state.findings.values()),
        answers=tuple(state.answers),
        late_answers=tuple(state.late),
        waiting=tuple(state.waiting.values()),
        messages=tuple(state.messages),
        unreachable=state.unreachable,
        drivers=state.drivers,
        containment=tuple(_containment(state, steps, changes, now)),
    )


@dataclass
class _Fold:
    started: tuple[RunStarted, datetime] | None = None
    finished: tuple[RunFinished, datetime] | None = None
    plan: PlanMade | None = None
    approval: ApprovalAsked | None = None
    site: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    paused: bool = False
    undo_ordered: UndoOrdered | None = None
    undo_ended: UndoEnded | None = None
    authorized: list[Authorized] = field(default_factory=list)
    steps: dict[tuple[str, str], StepStatus] = field(default_factory=dict)
    changes: dict[int, ChangeStatus] = field(default_factory=dict)
    """Changes by number of the intent: an intended change is never forgotten, even after reuse of the index."""
    latest: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """(step, target, index) → key of `changes`."""
    unsettled: dict[int, str] = field(default_factory=dict)
    """Key of a change under a rollback timer → the outcome recorded for the change."""
    checks: dict[tuple[str, str, str, str], tuple[CheckJudged, datetime]] = field(default_factory=dict)
    evidence: list[EvidenceKept] = field(default_factory=list)
    findings: dict[str, FindingsMade] = field(default_factory=dict)
    answers: list[Answered] = field(default_factory=list)
    late: list[Answered] = field(default_factory=list)
    waiting: dict[tuple[str, str, str], Asked] = field(default_factory=dict)
    messages: list[MessageStatus] = field(default_factory=list)
    posting: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(step, target, key) → place of the last attempt in `messages`."""
    unreachable: dict[str, str] = field(default_factory=dict)
    drivers: dict[str, DriverFound] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def outcome(self, running: bool) -> RunState:
        if self.finished:
            return self.finished[0].outcome
        if self.paused:
            return "running"  # until somebody answers, and a runner carries it on
        before = not self.steps and (self.site or (self.approval is not None and not self.approval.emergency))
        if before and (not running or self._lacks_approval()):
            return "waiting"
        return "running" if running else RunOutcome.INTERRUPTED

    def _lacks_approval(self) -> bool:
        requesters = {each.person for each in self.authorized if each.action == "run"}
        approvers = {each.person for each in self.authorized if each.action == "approve"} - requesters
        return self.approval is not None and len(approvers) < self.approval.people - 1

    def take(self, at: datetime, record: AnyRecord) -> None:
        match record:
            case RunStarted():
                self.started = self.started or (record, at)
            case RunFinished():
                self.finished = (record, at)
                self.verdicts |= record.containment
            case PlanMade():
                self.plan = record
            case DriverChosen():
                self.drivers[record.host] = DriverFound(driver=record.driver, cli=record.cli, why=record.why)
            case HostUnreachable():
                self.unreachable[record.host] = record.reason
            case StepStarted():
                self.finished, self.paused = None, False  # the run was resumed
                self.steps[record.step, record.target] = StepStatus(
                    step=record.step,
                    target=record.target,
                    host=record.host,
                    name=record.name,
                    task=record.task,
                    outage=record.outage,
                    services_out=record.services_out,
                    number=record.number,
                    started=at,
                )
            case StepFinished():
                self._finish(record, at)
            case (
                Authorized()
                | ApprovalAsked()
                | SteppedBack()
                | RunQueued()
                | RunPaused()
                | UndoOrdered()
                | UndoEnded()
            ):
                self._act(record)
            case ChangeIntended():
                self._intend(record, at)
            case ChangeMade():
                self._make(record, at)
            case RollbackTimerSettled():
                self._settle(record, at)
            case UndoIntended():
                self._become(record, state="undo-unknown", reason="")
            case UndoMade():
                state, undone = _AFTER_UNDO[record.outcome], at if record.outcome == "undone" else None
                self._become(record, state=state, reason=record.reason, undone=undone, unsettled=False)
            case CheckJudged():
                self._judge(record, at)
            case EvidenceKept():
                self.evidence.append(record)
            case FindingsMade():
                self.findings[record.folder] = record
            case Asked():
                self.waiting[record.step, record.target, record.question.text] = record
            case Answered():
                self._answer(record)
            case MessageIntended():
                self.posting[record.step, record.target, record.key] = len(self.messages)
                self.messages.append(_begun(record, at))
            case MessagePosted():
                self._post(record, at)
            case (
                EvidenceHandled()
                | EvidenceStored()
                | DamageAccepted()
                | WrittenApart()
                | IncidentOpened()
                | IncidentDescribed()
                | Noted()
                | DutyDecided()
                | ActionAdded()
                | ActionDone()
                | IncidentClosed()
                | RunPruned()
                | ApprovalsUsed()
            ):
                pass  # no effect on the run's state, or of a chain of another kind
            case _:
                assert_never(record)

    def _act(
        self, record: Authorized | ApprovalAsked | SteppedBack | RunQueued | RunPaused | UndoOrdered | UndoEnded
    ) -> None:
        match record:
            case Authorized():
                self.authorized.append(record)
            case ApprovalAsked():
                self.approval = self.approval or record
            case RunQueued():
                self.site, self.parts = record.site, record.parts
                self.finished = None  # a run that has ended is to be carried on
            case RunPaused():
                self.paused = True
            case UndoOrdered():
                self.undo_ordered, self.undo_ended = record, None
            case UndoEnded():
                self.undo_ended = record
            case SteppedBack():
                self._step_back(record)

    def _step_back(self, record: SteppedBack) -> None:
        self.finished = None  # the run is to be resumed
        for place, step in self.steps.items():
            if step.step in record.steps:
                self.steps[place] = replace(step, outcome=None, reason="", finished=None)

    def _judge(self, record: CheckJudged, at: datetime) -> None:
        key = (record.step, record.target, record.vantage, record.about)
        self.checks.pop(key, None)
        self.checks[key] = (record, at)

    def _post(self, record: MessagePosted, at: datetime) -> None:
        which = self.posting.get((record.step, record.target, record.key))
        if which is not None:
            self.messages[which] = replace(self.messages[which], state=record.outcome, detail=record.detail, at=at)

    def _answer(self, record: Answered) -> None:
        """Take the first answer to an open question; any other answer came too late, and decided nothing."""
        waited = self.waiting.pop((record.step, record.target, record.question), None)
        (self.answers if waited else self.late).append(record)

    def _finish(self, record: StepFinished, at: datetime) -> None:
        self.waiting = {
            place: asked for place, asked in self.waiting.items() if place[:2] != (record.step, record.target)
        }
        unknown = StepStatus(record.step, record.target, record.host, record.step, "")
        self.steps[record.step, record.target] = replace(
            self.steps.get((record.step, record.target), unknown),
            host=record.host,
            outcome=record.outcome,
            reason=record.reason,
            seconds=record.seconds,
            notes=record.notes,
            gaps=record.gaps,
            figures=record.figures,
            deadlines=tuple((text, due) for text, each in record.deadlines.items() if (due := moment(each))),
            force_until=moment(record.force_until),
            finished=at,
        )

    def _intend(self, record: ChangeIntended, at: datetime) -> None:
        key = len(self.changes)
        self.latest[record.step, record.target, record.index] = key
        self.changes[key] = ChangeStatus(
            record.step,
            record.target,
            record.host,
            record.index,
            record.change,
            "unknown",
            at,
            ends=_end(record.change, at),
            unsettled=record.change.rollback_timer is not None,
        )

    def _make(self, record: ChangeMade, at: datetime) -> None:
        """Take the outcome of a change; a change under a rollback timer may still be rolled back by the host."""
        key = self.latest.get((record.step, record.target, record.index))
        hangs = key is not None and self.changes[key].unsettled and record.outcome != "not-run"
        self._become(record, state=record.outcome, reason=record.reason, made=at)
        if key is not None and hangs:
            self.unsettled[key] = record.outcome
            state, reason = self.changes[key].state, self.changes[key].reason
            if state == "done":
                state, reason = "unknown", UNCONFIRMED
            self.changes[key] = replace(self.changes[key], state=state, reason=reason)
        elif key is not None:
            self.changes[key] = replace(self.changes[key], unsettled=False)

    def _settle(self, record: RollbackTimerSettled, at: datetime) -> None:
        key = self.latest.get((record.step, record.target, record.index))
        if key is None:
            return
        change = self.changes[key]
        made = self.unsettled.pop(key, change.state)
        settled: dict[str, ChangeState] = {
            "confirmed": "unknown" if made == "unknown" else made,  # type: ignore[dict-item]
            "taken-back": "undone",
            "failed": "undo-failed",
            "unknown": "unknown",
        }
        undone = at if record.outcome == "taken-back" else None
        state = settled[record.outcome]
        reason = change.reason if record.outcome == "confirmed" and made != "done" else record.reason
        self.changes[key] = replace(change, state=state, reason=reason, undone=undone, unsettled=False)

    def _become(self, record: ChangeMade | UndoIntended | UndoMade, **news: Any) -> None:  # noqa: ANN401
        key = self.latest.get((record.step, record.target, record.index))
        if key is None:
            return
        if made := news.get("made"):
            news["ends"] = _end(self.changes[key].change, made)
        self.changes[key] = replace(self.changes[key], **news)


def _begun(record: MessageIntended, at: datetime) -> MessageStatus:
    return MessageStatus(
        record.step,
        record.target,
        record.about,
        record.to,
        record.way,
        record.subject,
        "unknown",
        tr("begun, and its end is not on record"),
        at,
    )


def _end(change: AnyChange, made: datetime) -> datetime | None:
    return None if change.lasts is None else made + timedelta(seconds=change.lasts)


def moment(text: str | None) -> datetime | None:
    """Parse a record's timestamp, in UTC; `None` for a malformed timestamp."""
    try:
        read = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC) if read else None


def _containment(
    state: _Fold, steps: tuple[StepStatus, ...], changes: tuple[ChangeStatus, ...], now: datetime
) -> Iterable[Containment]:
    looks = [(c, at) for c, at in state.checks.values() if c.proves or (c.containment and c.disproves)]
    for target in dict.fromkeys([*state.verdicts, *(check.target for check, _ in looks)]):
        proofs = [(check, at) for check, at in looks if check.target == target]
        cutting = {check.step for check, _ in proofs}
        cuts = [change for change in changes if change.target == target and change.step in cutting]
        ends = [c.ends for c in cuts if c.ends] or [
            s.force_until for s in steps if s.target == target and s.step in cutting and s.force_until
        ]
        until = min(ends, default=None)
        parts = {key: [c for c in cuts if c.step == key] for key in dict.fromkeys(c.step for c in cuts)}
        yield Containment(
            target=target,
            verdict=state.verdicts.get(target, "unverified"),
            cut_at=_cut_at(parts),
            proved_at=max((at for check, at in proofs if check.holds), default=None),
            proofs=tuple(check for check, _ in proofs),
            in_force=_stands(parts) and (until is None or until > now),
            until=until,
        )


def _cut_at(parts: Mapping[str, list[ChangeStatus]]) -> datetime | None:
    """Return the time of the first containment step; a step on several routers counts from the last router."""
    made: dict[str, list[datetime]] = {}
    for key, changes in parts.items():
        if moments := [c.made for c in changes if c.made and c.state != "not-run"]:
            made.setdefault(step_of(key), []).append(min(moments))
    return min((max(moments) for moments in made.values()), default=None)


def _stands(parts: Mapping[str, list[ChangeStatus]]) -> bool:
    """Return True if a containment step is in force; a step on several routers needs every router."""
    stands: dict[str, list[bool]] = {}
    for key, changes in parts.items():
        stands.setdefault(step_of(key), []).append(any(c.stands for c in changes))
    return not stands or any(map(all, stands.values()))

"""The history of a run, from its records: state, steps, and each change with its present state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from stopgap.orchestrator.change import AnyChange, Phase
from stopgap.orchestrator.device_script import GOES_BACK
from stopgap.orchestrator.host import CONTROLLER, DriverFound, Host
from stopgap.orchestrator.journal.approval_records import ApprovalAsked, Authorized
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.records import (
    Answered,
    Asked,
    CheckJudged,
    EvidenceKept,
    FindingsMade,
    PlanMade,
    RunFinished,
    RunStarted,
    Verdict,
    step_of,
)
from stopgap.orchestrator.journal.site_records import UndoEnded, UndoOrdered
from stopgap.orchestrator.outcome import Outcome, RunOutcome
from stopgap.orchestrator.question import AnswerValue, Question

RunState: TypeAlias = RunOutcome | Literal["running", "waiting"]
"""`waiting`: for the approval of another person, or for a runner at a site, with nothing done yet."""
ChangeState: TypeAlias = Literal[
    "done",
    "unknown",
    "failed",
    "drifted",
    "not-run",
    "undone",
    "undo-failed",
    "undo-drifted",
    "undo-unknown",
    "no-undo",
]
"""State of a change. `unknown`: intended, without a recorded result. `no-undo`: left, for lack of an undo."""

_STANDS = frozenset({"done", "unknown", "undo-failed", "undo-drifted", "undo-unknown", "no-undo"})


@dataclass(frozen=True)
class StepStatus:
    """One step on one target; an outcome of `None` means a running or an interrupted step."""

    step: str
    target: str
    host: str
    name: str
    task: str
    outage: bool = False
    services_out: tuple[str, ...] | None = None
    """Which services are out while the changes are in force; None in records before version 0.3."""
    figures: Mapping[str, int] = field(default_factory=dict)
    """Numbers that the step has counted."""
    outcome: Outcome | None = None
    reason: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    deadlines: tuple[tuple[str, datetime], ...] = ()
    """Notes with a deadline, each with the point in time."""
    force_until: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    number: int = 0
    """The step's place in the runbook, from 1; 0 in older records."""


@dataclass(frozen=True)
class ChangeStatus:
    """One change, with its present state."""

    step: str
    target: str
    host: str
    index: int
    change: AnyChange
    state: ChangeState
    intended: datetime
    reason: str = ""
    """The reason for a failed change or a failed undo."""
    made: datetime | None = None
    undone: datetime | None = None
    ends: datetime | None = None
    """When the host ends the effect by itself."""
    expired: bool = False
    """The deadline is past."""
    unsettled: bool = False
    """The host may roll the change back, or already has: the rollback timer is neither cancelled nor reported."""

    @property
    def activates(self) -> bool:
        """True if the change only activates the other changes of the step in a daemon."""
        return self.change.phase is Phase.ACTIVATE

    @property
    def stands(self) -> bool:
        """True if the change is, or may be, in force."""
        return self.left and not self.expired

    @property
    def left(self) -> bool:
        """True if the change was made, or may have been, and nobody has undone it; it may have ended by itself."""
        return self.state in _STANDS

    @property
    def due(self) -> datetime | None:
        """The time by which the change should be undone, since nothing ends it; `None` without one."""
        return None if self.change.due is None else (self.made or self.intended) + timedelta(seconds=self.change.due)

    @property
    def goes_back(self) -> datetime | None:
        """The time of the device's own rollback without a confirmation; `None` without a rollback timer.

        A device with a confirm command waits for the confirmation for a limited time.
        """
        if self.change.confirm_within is None:
            return None
        if self.state not in {"unknown", "failed"} or (self.state == "failed" and GOES_BACK not in self.reason):
            return None
        return (self.made or self.intended) + timedelta(seconds=self.change.confirm_within)


@dataclass(frozen=True)
class MessageStatus:
    """One message of the run, with its delivery state."""

    step: str
    target: str
    about: str
    to: str
    way: str
    subject: str
    state: Literal["sent", "failed", "unknown"]
    """`unknown`: begun, without a recorded result."""
    detail: str
    at: datetime


@dataclass(frozen=True)
class Containment:
    """The containment verdict on a target."""

    target: str
    verdict: Verdict
    cut_at: datetime | None
    """Time of the containment change; `None` for a change of an earlier run."""
    proved_at: datetime | None
    """Time of the last proof; `None` without a proof."""
    proofs: tuple[CheckJudged, ...]
    """Every check with weight in the verdict, one-sided checks excluded."""
    in_force: bool
    """False once the cut was taken back or has expired."""
    until: datetime | None


@dataclass(frozen=True)
class History:
    """A run, from its records.

    >>> import stopgap
    >>> hosts = stopgap.load_inventory("mine", text="{hosts: {here: {address: 127.0.0.1, connection: local}}}")
    >>> step = "{id: old, task: host.file, with: {path: /tmp/no-such-file, absent: true}}"
    >>> runbook = stopgap.load_runbook("mine", text=f"{{name: Tidy up, steps: [{step}]}}")
    >>> history = stopgap.history(stopgap.run(stopgap.plan(runbook, hosts, targets=["here"])))
    >>> history.state.value, [(step.step, step.outcome.value) for step in history.steps], history.in_force()
    ('ok', [('old', 'unchanged')], ())
    """

    run: str
    entries: tuple[Entry, ...]
    as_of: datetime
    state: RunState
    """`interrupted`: never finished, and no process holds the run."""
    started: RunStarted
    started_at: datetime
    finished: RunFinished | None
    finished_at: datetime | None
    plan: PlanMade | None
    steps: tuple[StepStatus, ...]
    changes: tuple[ChangeStatus, ...]
    """Changes in order of their intents."""
    checks: tuple[CheckJudged, ...]
    """The last judgement of each eye on each thing."""
    evidence: tuple[EvidenceKept, ...]
    findings: tuple[FindingsMade, ...]
    """The last of each collection."""
    answers: tuple[Answered, ...]
    """The first answer to each question."""
    late_answers: tuple[Answered, ...]
    """Answers to questions that were answered or withdrawn before; each decided nothing."""
    waiting: tuple[Asked, ...]
    """Questions without an answer."""
    messages: tuple[MessageStatus, ...]
    unreachable: dict[str, str]
    """Host → reason."""
    drivers: dict[str, DriverFound]
    """Router → the driver found out on the router, where the inventory names none."""
    containment: tuple[Containment, ...]
    approval: ApprovalAsked | None = None
    """The run takes more than one person."""
    site: str = ""
    """The site whose runners carry the run on; empty for a run of an operator's machine."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Site → run, of all runs that one order was split into; empty for a run on its own."""
    undo_ordered: UndoOrdered | None = None
    """The last undo that a runner was asked for."""
    undo_ended: UndoEnded | None = None
    """What came of `undo_ordered`; None: it waits for a runner."""
    authorized: tuple[Authorized, ...] = ()
    """The acts of people that roles permitted, in order."""
    damage: tuple[str, ...] = ()
    """Signs of damaged records; no act follows from damaged records."""
    unsigned: tuple[str, ...] = ()
    """Changes after the last signed record, for a signed run."""

    @property
    def hosts(self) -> dict[str, Host]:
        """The hosts of the run's inventory by name, and the controller, absent from every inventory."""
        known = {host.name: host for host in (*self.started.hosts, CONTROLLER)}
        return known | {name: found.of(known[name]) for name, found in self.drivers.items() if name in known}

    @property
    def requester(self) -> str | None:
        """Who began the run, as the roles know people; None without roles."""
        return next((each.person for each in self.authorized if each.action == "run"), None)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who has approved the run, each once, without the person who began it; as recorded."""
        approving = [each.person for each in self.authorized if each.action == "approve"]
        return tuple(dict.fromkeys(person for person in approving if person != self.requester))

    @property
    def approvals_lacking(self) -> int:
        """How many approvals the run still lacks, as recorded."""
        return max(self.approval.people - 1 - len(self.approvers), 0) if self.approval else 0

    def findings_now(self) -> tuple[FindingsMade, ...]:
        """Return the valid findings: a repeated collection of a step covers the earlier collection."""
        last: dict[tuple[str, ...], FindingsMade] = {}
        for made in self.findings:
            collection = (made.step, made.target, made.host, made.profile)
            if not made.trouble or collection not in last:
                last[collection] = made
        return tuple(last.values())

    def in_force(self) -> tuple[ChangeStatus, ...]:
        """Return the changes in force: made or possibly made, neither undone nor expired.

        An Activate lasts as long as another change of the step, and is never listed; nor is a read-only command.
        """
        return tuple(c for c in self.changes if c.stands and not (c.activates or c.change.only_reads))

    def undoable(self, step: str | None = None) -> tuple[ChangeStatus, ...]:
        """Return the changes to undo, of one step or of all steps, in order of the undo.

        Steps come in reverse order, as do the changes of a step; the Activate of a step comes last. A failed change
        is included, because a part may be in force. So is an expired change, a possible remnant of a shell. A change
        reported without an undo is excluded, as is a read-only command.
        """
        places: dict[tuple[str, str], list[ChangeStatus]] = {}
        for change in self.changes:
            if step is None or step in {change.step, step_of(change.step)}:
                places.setdefault((change.step, change.target), []).append(change)
        order: list[ChangeStatus] = []
        for changes in reversed(places.values()):
            others = [c for c in reversed(changes) if not c.activates and _to_take_back(c)]
            order += others
            order += [c for c in changes if c.activates and _to_activate(c, bool(others))]
        return tuple(order)

    def taken_back(self) -> frozenset[tuple[str, str]]:
        """Return the steps and targets with changes, if every change was undone."""
        real = [c for c in self.changes if not c.activates and c.state != "not-run"]
        undone = {(c.step, c.target) for c in real if c.state == "undone"}
        return frozenset(undone - {(c.step, c.target) for c in real if c.state != "undone"})

    def deadlines(self) -> tuple[tuple[str, datetime], ...]:
        """Return the notes with a deadline, of steps with a change in force, nearest deadline first."""
        standing = {(c.step, c.target) for c in self.in_force()}
        found = [each for s in self.steps if (s.step, s.target) in standing for each in s.deadlines]
        return tuple(sorted(dict.fromkeys(found), key=lambda each: each[1]))

    def not_activated(self) -> tuple[ChangeStatus, ...]:
        """Return the activations left out or unknown, of steps with another change in force."""
        standing = {(c.step, c.target) for c in self.in_force()}
        return tuple(
            c for c in self.changes if c.activates and c.state == "unknown" and (c.step, c.target) in standing
        )

    def answer_of(self, step: str, target: str) -> AnswerValue | None:
        """Return the last answer to a question of a step, as a typed value."""
        found: AnswerValue | None = None
        asked: dict[str, Question] = {}
        for entry in self.entries:
            record = entry.record
            if isinstance(record, Asked) and (record.step, record.target) == (step, target):
                asked[record.question.text] = record.question
            elif isinstance(record, Answered) and (record.step, record.target) == (step, target):
                question = asked.pop(record.question, None)
                found = question.value(record.answer) if question else found
        return found

    def unsettled(self) -> tuple[ChangeStatus, ...]:
        """Return the changes with a rollback timer still to be settled, before any other act."""
        return tuple(c for c in self.changes if c.unsettled)

    def next_index(self, step: str, target: str) -> int:
        """Return the index of the next change of a step; a repeated plan continues the count for unique indexes."""
        return max((c.index + 1 for c in self.changes if (c.step, c.target) == (step, target)), default=0)


def _to_take_back(change: ChangeStatus) -> bool:
    return change.state in _STANDS | {"failed"} and change.state != "no-undo" and not change.change.only_reads


def _to_activate(change: ChangeStatus, others: bool) -> bool:
    """Return True if the daemon must reload: files were restored, or restored without a reload."""
    if change.state in {"not-run", "drifted"}:
        return False
    return others or change.state in {"done", "unknown", "undo-failed", "undo-unknown", "undo-drifted"}

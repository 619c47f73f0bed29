"""What a run's records amount to: its state, its steps, and each change with what has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from stopgap.orchestrator.change import Activate, AnyChange, DeviceChange, RunCommands
from stopgap.orchestrator.device_script import GOES_BACK
from stopgap.orchestrator.host import CONTROLLER, Host
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.records import (
    Answered,
    Asked,
    CheckJudged,
    EvidenceKept,
    FindingsMade,
    Outcome,
    PlanMade,
    RunFinished,
    RunStarted,
    Verdict,
    step_of,
)
from stopgap.orchestrator.question import AnswerValue, Question

RunState: TypeAlias = Literal["running", "ok", "failed", "unreachable", "refused", "interrupted"]
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
"""What has become of a change. `unknown`: intended, and nobody heard how it ended. `no-undo`: nobody knew how to take
it back, so it was left."""

_STANDS = frozenset({"done", "unknown", "undo-failed", "undo-drifted", "undo-unknown", "no-undo"})


@dataclass(frozen=True)
class StepStatus:
    """One step on one target; an outcome of None means that it goes on, or was interrupted."""

    step: str
    target: str
    host: str
    name: str
    task: str
    outage: bool = False
    outcome: Outcome | None = None
    reason: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    deadlines: tuple[tuple[str, datetime], ...] = ()
    """Notes that name a moment, with it."""
    force_until: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True)
class ChangeStatus:
    """One change, and what has become of it."""

    step: str
    target: str
    host: str
    index: int
    change: AnyChange
    state: ChangeState
    intended: datetime
    reason: str = ""
    """Why it failed, or could not be taken back."""
    made: datetime | None = None
    undone: datetime | None = None
    ends: datetime | None = None
    """When the host ends the effect by itself."""
    expired: bool = False
    """That moment is over."""
    unsettled: bool = False
    """The host may yet take it back, or has done so: its rollback timer was neither cancelled nor heard of."""

    @property
    def stands(self) -> bool:
        """Whether it is, or may be, in effect."""
        return self.state in _STANDS and not self.expired

    @property
    def goes_back(self) -> datetime | None:
        """When its device has taken it back by itself, unless it was confirmed; None where no device does, or need.

        A device that has the words to confirm a change waits for them, and no longer than so.
        """
        if not isinstance(self.change, DeviceChange) or not self.change.do.within:
            return None
        if self.state not in {"unknown", "failed"} or (self.state == "failed" and GOES_BACK not in self.reason):
            return None
        return (self.made or self.intended) + timedelta(seconds=self.change.do.within)


@dataclass(frozen=True)
class MessageStatus:
    """One message of the run, and what has become of it."""

    step: str
    target: str
    about: str
    to: str
    way: str
    subject: str
    state: Literal["sent", "failed", "unknown"]
    """`unknown`: it was begun, and nobody heard how it ended."""
    detail: str
    at: datetime


@dataclass(frozen=True)
class Containment:
    """How far a target is cut off."""

    target: str
    verdict: Verdict
    cut_at: datetime | None
    """When the change was made that cut it off; None where an earlier run had made it."""
    proved_at: datetime | None
    """When the last of its proofs was seen; None where there is none."""
    proofs: tuple[CheckJudged, ...]
    """Every check that counts towards the verdict: none that proves nothing where it holds."""
    in_force: bool
    """False once the cut was taken back or has expired."""
    until: datetime | None


@dataclass(frozen=True)
class History:
    """A run, as its records tell it."""

    run: str
    entries: tuple[Entry, ...]
    as_of: datetime
    state: RunState
    """`interrupted`: it never finished, and no process is at work on it."""
    started: RunStarted
    started_at: datetime
    finished: RunFinished | None
    finished_at: datetime | None
    plan: PlanMade | None
    steps: tuple[StepStatus, ...]
    changes: tuple[ChangeStatus, ...]
    """In the order in which they were intended."""
    checks: tuple[CheckJudged, ...]
    """The last judgement of each eye on each thing."""
    evidence: tuple[EvidenceKept, ...]
    findings: tuple[FindingsMade, ...]
    """The last of each collection."""
    answers: tuple[Answered, ...]
    """The first answer to each question that was asked."""
    waiting: tuple[Asked, ...]
    """Questions that nobody has answered yet."""
    messages: tuple[MessageStatus, ...]
    unreachable: dict[str, str]
    """Host → reason."""
    containment: tuple[Containment, ...]
    damage: tuple[str, ...] = ()
    """What shows that these are not the records that were written; then nothing is done on their word."""
    unsigned: tuple[str, ...] = ()
    """What is said of changes that came after the last signed record, where the run was signed."""

    @property
    def hosts(self) -> dict[str, Host]:
        """The hosts of the run's inventory by name, and the controller, which no inventory lists."""
        return {host.name: host for host in (*self.started.hosts, CONTROLLER)}

    def findings_now(self) -> tuple[FindingsMade, ...]:
        """Give the findings that count: what a step has collected anew holds what it had collected before."""
        last: dict[tuple[str, ...], FindingsMade] = {}
        for made in self.findings:
            collection = (made.step, made.target, made.host, made.profile)
            if not made.trouble or collection not in last:
                last[collection] = made
        return tuple(last.values())

    def in_force(self) -> tuple[ChangeStatus, ...]:
        """Give the changes that stand: made or perhaps made, neither taken back nor expired.

        An Activate stands while another change of its step does, and is never listed; nor is a command that only
        reads.
        """
        return tuple(c for c in self.changes if c.stands and not (isinstance(c.change, Activate) or _reads(c)))

    def undoable(self, step: str | None = None) -> tuple[ChangeStatus, ...]:
        """Give what to take back, of one step or of all, in the order in which to do so.

        Steps come in reverse, and so do the changes of a step, but that its Activate comes last. A change that
        failed is among them: half of it may have been done. So is one that has expired, which may leave a shell
        behind. One that was reported as having no undo is not, nor is a command that only reads.
        """
        places: dict[tuple[str, str], list[ChangeStatus]] = {}
        for change in self.changes:
            if step is None or step in {change.step, step_of(change.step)}:
                places.setdefault((change.step, change.target), []).append(change)
        order: list[ChangeStatus] = []
        for changes in reversed(places.values()):
            others = [c for c in reversed(changes) if not isinstance(c.change, Activate) and _to_take_back(c)]
            order += others
            order += [c for c in changes if isinstance(c.change, Activate) and _to_activate(c, bool(others))]
        return tuple(order)

    def taken_back(self) -> frozenset[tuple[str, str]]:
        """Give the steps and targets that changed something, and of which every change was undone."""
        real = [c for c in self.changes if not isinstance(c.change, Activate) and c.state != "not-run"]
        undone = {(c.step, c.target) for c in real if c.state == "undone"}
        return frozenset(undone - {(c.step, c.target) for c in real if c.state != "undone"})

    def deadlines(self) -> tuple[tuple[str, datetime], ...]:
        """Give the notes that name a moment, of steps of which a change stands, the nearest first."""
        standing = {(c.step, c.target) for c in self.in_force()}
        found = [each for s in self.steps if (s.step, s.target) in standing for each in s.deadlines]
        return tuple(sorted(dict.fromkeys(found), key=lambda each: each[1]))

    def not_activated(self) -> tuple[ChangeStatus, ...]:
        """Give the activations that were left out or are unknown, while another change of their step stands."""
        standing = {(c.step, c.target) for c in self.in_force()}
        return tuple(
            c
            for c in self.changes
            if isinstance(c.change, Activate) and c.state == "unknown" and (c.step, c.target) in standing
        )

    def answer_of(self, step: str, target: str) -> AnswerValue | None:
        """Give the last answer to a question of a step, as a value of its type."""
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
        """Give the changes whose rollback timer is to be cancelled or asked after before anything else."""
        return tuple(c for c in self.changes if c.unsettled)

    def next_index(self, step: str, target: str) -> int:
        """Give the index of the next change of a step: what is planned anew goes on counting, so none is mistaken."""
        return max((c.index + 1 for c in self.changes if (c.step, c.target) == (step, target)), default=0)


def _to_take_back(change: ChangeStatus) -> bool:
    return change.state in _STANDS | {"failed"} and change.state != "no-undo" and not _reads(change)


def _reads(change: ChangeStatus) -> bool:
    return isinstance(change.change, RunCommands) and change.change.reads


def _to_activate(change: ChangeStatus, others: bool) -> bool:
    """Tell whether the daemon has to look at its files again: they are put back, or were and it was not told."""
    if change.state in {"not-run", "drifted"}:
        return False
    return others or change.state in {"done", "unknown", "undo-failed", "undo-unknown", "undo-drifted"}

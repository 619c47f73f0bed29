"""The records of the journal: one typed record for each event, in order of the events.

The key of a step is `(step, target)`; `host` is the host acted on. `step` is the step's id, with `[n]` for the n-th
item of a `foreach`, and `@HOST` for a step on several upstreams. Text from hosts is escaped by
the type of the field.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter

from stopgap.orchestrator.change import AnyChange
from stopgap.orchestrator.host import Cli, Host
from stopgap.orchestrator.hosttext import EscapedLine
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
from stopgap.orchestrator.journal.record import Record
from stopgap.orchestrator.journal.site_records import RunPaused, RunQueued, UndoEnded, UndoOrdered
from stopgap.orchestrator.outcome import Outcome, RunOutcome
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.translatable import Translatable

Verdict: TypeAlias = Literal["contained", "partly", "unverified"]


def step_of(key: str) -> str:
    """Return the id of the step from the `step` field of a record.

    >>> step_of("letter[2]@edge")
    'letter'
    """
    return re.split(r"[\[@]", key, maxsplit=1)[0]


class PluginPresent(Record):
    """A plug-in that was there when a run began."""

    kind: str
    """`tasks`, `drivers`, `rules`, `artifacts`, `templates`, `duties` or `sinks`."""
    name: str
    origin: str
    """The distribution with its version, or the file of the project."""
    sha256: str
    """Of the file."""


class RunStarted(Record):
    """All data needed for a later resume or undo: the runbook's text, the hosts, the parameters."""

    kind: Literal["run-started"] = "run-started"
    version: str
    runbook_name: str
    runbook_path: str
    runbook_text: str
    inventory_path: str
    inventory_text: str
    hosts: tuple[Host, ...]
    targets: tuple[str, ...]
    params: dict[str, Any]
    operator: str
    """`user@machine` of the controller."""
    incident: str = ""
    """Name of the incident."""
    controller: str = ""
    """Names the controller on devices."""
    plugins: tuple[PluginPresent, ...] = ()


class PlanMade(Record):
    """The plan as shown and agreed to."""

    kind: Literal["plan-made"] = "plan-made"
    digest: str
    changes: int
    hosts: int


class DriverChosen(Record):
    """The driver found out on a router that has none in the inventory; an undo uses the same driver."""

    kind: Literal["driver-chosen"] = "driver-chosen"
    host: str
    driver: str
    cli: Cli | None = None
    why: Translatable


class HostUnreachable(Record):
    """A host without a connection."""

    kind: Literal["host-unreachable"] = "host-unreachable"
    host: str
    reason: EscapedLine


class StepStarted(Record):
    """The start of a step on a target."""

    kind: Literal["step-started"] = "step-started"
    step: str
    target: str
    host: str
    name: EscapedLine
    task: str
    outage: bool = False
    """Visitors or senders lose a service while the changes are in force."""
    services_out: tuple[str, ...] | None = None
    """Which services: `web`, `mail`; None in records before version 0.3."""
    number: int = 0
    """The step's place in the runbook, from 1: steps of different hosts run side by side. 0 in older records."""


class ChangeIntended(Record):
    """A change with its undo, on disk before the change is made."""

    kind: Literal["change-intended"] = "change-intended"
    step: str
    target: str
    host: str
    index: int
    """Position in the step, from 0; step, target and index identify the change."""
    change: AnyChange


class ChangeMade(Record):
    """The outcome of a change."""

    kind: Literal["change-made"] = "change-made"
    step: str
    target: str
    index: int
    outcome: Literal["done", "failed", "drifted", "unknown", "not-run"]
    """`unknown`: the host never said. `not-run`: an earlier change of the step failed first."""
    reason: EscapedLine = ""


class RollbackTimerSettled(Record):
    """The outcome of a rollback timer: cancelled over a fresh connection, or fired on the host."""

    kind: Literal["rollback-timer-settled"] = "rollback-timer-settled"
    step: str
    target: str
    index: int
    outcome: Literal["confirmed", "taken-back", "failed", "unknown"]
    """`failed`: the host's rollback failed. `unknown`: no answer, or no trace of the timer."""
    reason: EscapedLine = ""


class UndoIntended(Record):
    """The intent to undo a change, by an operator or after a failed step."""

    kind: Literal["undo-intended"] = "undo-intended"
    step: str
    target: str
    index: int
    because: Literal["operator", "step-failed", "run-failed"]


class UndoMade(Record):
    """The outcome of an undo."""

    kind: Literal["undo-made"] = "undo-made"
    step: str
    target: str
    index: int
    outcome: Literal["undone", "failed", "drifted", "unknown", "no-undo"]
    reason: EscapedLine = ""


class CheckJudged(Record):
    """The observation of one check from one vantage."""

    kind: Literal["check-judged"] = "check-judged"
    step: str
    target: str
    vantage: str
    """The observing host, or `controller`."""
    about: EscapedLine
    holds: bool | None
    seen: EscapedLine
    containment: bool = False
    one_sided: bool = False
    """A holding check proves nothing; a failing check lowers the verdict."""
    reported_by_target: bool = False

    @property
    def proves(self) -> bool:
        """True if a holding check counts towards the verdict."""
        return self.containment and not self.one_sided and not self.reported_by_target

    @property
    def disproves(self) -> bool:
        """True if the check does not hold."""
        return self.holds is False


class EvidenceKept(Record):
    """A collection in the run's folder."""

    kind: Literal["evidence-kept"] = "evidence-kept"
    step: str
    target: str
    host: str
    profile: str
    folder: str
    """Relative to the run's folder."""
    items: int
    size: int
    """Bytes."""
    manifest_sha256: str
    by: EscapedLine = ""
    """`user@machine` of the process that collected it; empty in records before version 0.3."""


class Asked(Record):
    """A question to a person, at this terminal or another terminal."""

    kind: Literal["asked"] = "asked"
    step: str
    target: str
    question: Question
    number: int = 0
    """Position of the step in the runbook, from 1; 0 in records before version 0.3."""
    count: int = 0
    """Number of steps in the runbook."""


class FindingNoted(Record):
    """A finding in short; the full finding lies beside the evidence."""

    id: str
    severity: Severity
    title: EscapedLine
    count: int
    first: EscapedLine
    """The first match, with its location."""
    times: tuple[str, ...] = ()
    """Times of the matches, ISO 8601 in UTC; by the host's own clock."""
    tags: tuple[str, ...] = ()
    """Techniques of MITRE ATT&CK (`stopgap.orchestrator.technique`)."""


class FindingsMade(Record):
    """The findings of the rules in a collection; the last record of a collection is valid."""

    kind: Literal["findings-made"] = "findings-made"
    step: str
    target: str
    host: str
    profile: str
    folder: str
    """Of the collection, relative to the run's folder."""
    findings: tuple[FindingNoted, ...] = ()
    """The worst first."""
    rules: int
    """How many rules looked."""
    not_looked: int
    """How many could not look, or not at everything."""
    unread: tuple[EscapedLine, ...] = ()
    """Tables unreadable in whole or in part, each with the reason: such content is unknown."""
    sha256: str | None
    """SHA-256 of the file of findings; `None` without a file."""
    trouble: EscapedLine = ""
    """The reason for missing findings."""


class Answered(Record):
    """The answer to a question, with the person. Of several answers to a question the first counts."""

    kind: Literal["answered"] = "answered"
    step: str
    target: str
    question: Translatable
    answer: str
    """The answer in the form of `Question.read`: `yes` or `no`, the choice, the amount, the date, the text."""
    by: EscapedLine
    """`user@machine`; `--yes` or `time-out` without a person's answer."""


class MessageIntended(Record):
    """A message, on disk before sending. Without a later `message-posted` the delivery is unknown."""

    kind: Literal["message-intended"] = "message-intended"
    step: str
    target: str
    key: str
    about: EscapedLine
    to: str
    way: Translatable
    subject: str
    text: str


class MessagePosted(Record):
    """The delivery of a message."""

    kind: Literal["message-posted"] = "message-posted"
    step: str
    target: str
    key: str
    to: str
    outcome: Literal["sent", "failed", "unknown"]
    detail: EscapedLine


class StepFinished(Record):
    """The outcome of a step on a target."""

    kind: Literal["step-finished"] = "step-finished"
    step: str
    target: str
    host: str
    outcome: Outcome
    reason: EscapedLine = ""
    seconds: float = 0.0
    notes: tuple[EscapedLine, ...] = ()
    gaps: tuple[EscapedLine, ...] = ()
    deadlines: dict[EscapedLine, str] = {}
    """Notes with a deadline: the note → the point in time, ISO 8601 in UTC."""
    figures: dict[str, int] = {}
    """Numbers that the step has counted, such as `messages-held`."""
    force_until: str | None = None
    """Expiry of the step's effect, ISO 8601 in UTC."""


class SteppedBack(Record):
    """A person goes back: these steps are to be done again. No step had changed or undone anything."""

    kind: Literal["stepped-back"] = "stepped-back"
    steps: tuple[str, ...]
    """Keys of the steps."""
    by: EscapedLine


class RunFinished(Record):
    """The end of a run; a run without this record was interrupted, or is still running."""

    kind: Literal["run-finished"] = "run-finished"
    outcome: RunOutcome
    exit_code: int
    containment: dict[str, Verdict] = {}
    """Verdicts by target, for a run with containment steps."""


class DamageAccepted(Record):
    """A person accepts acts on a run with a damaged journal."""

    kind: Literal["damage-accepted"] = "damage-accepted"
    by: EscapedLine
    problems: tuple[EscapedLine, ...]


class WrittenApart(Record):
    """The next records were written by one machine alone, while the team's database was out of its reach.

    Others wrote to the run meanwhile: their records stand before this one.
    """

    kind: Literal["written-apart"] = "written-apart"
    controller: str
    """Names the machine with its state folder."""
    after: int
    """Number of the last record that the machine knew of; -1 for a run of which it knew none."""
    records: int
    last_hash: str
    """Hash that the last of the records had on the machine."""
    contested: bool
    """Both sides acted: what is in force has to be looked at."""


AnyRecord: TypeAlias = Annotated[
    RunStarted
    | PlanMade
    | DriverChosen
    | HostUnreachable
    | StepStarted
    | ChangeIntended
    | ChangeMade
    | RollbackTimerSettled
    | UndoIntended
    | UndoMade
    | CheckJudged
    | EvidenceKept
    | FindingsMade
    | EvidenceHandled
    | EvidenceStored
    | Asked
    | Answered
    | MessageIntended
    | MessagePosted
    | StepFinished
    | SteppedBack
    | RunFinished
    | DamageAccepted
    | WrittenApart
    | IncidentOpened
    | IncidentDescribed
    | Noted
    | DutyDecided
    | ActionAdded
    | ActionDone
    | IncidentClosed
    | RunPruned
    | Authorized
    | ApprovalAsked
    | ApprovalsUsed
    | RunQueued
    | RunPaused
    | UndoOrdered
    | UndoEnded,
    Field(discriminator="kind"),
]
RECORD: TypeAdapter[AnyRecord] = TypeAdapter(AnyRecord, config=ConfigDict(defer_build=True))

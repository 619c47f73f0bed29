"""The model of a report, without language or layout: the JSON form, and the input of the templates.

Every text is one escaped line, by its type. Times are UTC.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.journal.history import ChangeState, RunState
from stopgap.orchestrator.journal.records import Verdict
from stopgap.orchestrator.outcome import Outcome
from stopgap.orchestrator.severity import Severity


class _Part(BaseModel):
    model_config = ConfigDict(
        defer_build=True, frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class ReportHost(_Part):
    """A host of the inventory involved in the run."""

    name: EscapedLine
    address: EscapedLine
    addresses: tuple[EscapedLine, ...]
    upstream: EscapedLine | None
    spare: EscapedLine | None


class ReportCheck(_Part):
    """The result of a check from one vantage."""

    step: EscapedLine
    target: EscapedLine
    vantage: EscapedLine = Field(description="The vantage: a host, or `controller`.")
    about: EscapedLine = Field(description="The expected state.")
    holds: bool | None = Field(description="null: unknown.")
    seen: EscapedLine
    containment: bool = Field(description="The check counts for the containment verdict.")
    reported_by_target: bool = Field(
        description="The check relies on the target's own word, and proves nothing alone."
    )


class ReportContainment(_Part):
    """How far a target is cut off."""

    target: EscapedLine
    verdict: Verdict
    in_force: bool = Field(description="false once the cut was taken back or has ended.")
    cut_at: datetime | None = Field(description="null: an earlier run had cut it off.")
    proved_at: datetime | None
    until: datetime | None
    proofs: tuple[ReportCheck, ...]


class ReportStep(_Part):
    """A step on a target."""

    step: EscapedLine
    target: EscapedLine
    host: EscapedLine
    name: EscapedLine
    task: EscapedLine
    outage: bool = Field(description="Changes in force deprive visitors or senders of a service.")
    services_out: tuple[EscapedLine, ...] = Field(description="Which services: `web`, `mail`.")
    outcome: Outcome | Literal["running", "interrupted"]
    reason: EscapedLine
    started: datetime | None
    finished: datetime | None
    seconds: float
    after: float | None = Field(description="Seconds from the start of the run to the end of the step.")
    notes: tuple[EscapedLine, ...]
    changes: tuple[int, ...] = Field(description="Numbers of the changes.")


class ReportChange(_Part):
    """A change, with the present state."""

    number: int
    run: EscapedLine
    step: EscapedLine
    target: EscapedLine
    host: EscapedLine
    does: EscapedLine
    undo: EscapedLine
    preview: tuple[EscapedLine, ...] = Field(description="Commands or diff; long previews are cut.")
    preview_left_out: int = Field(description="Number of lines cut.")
    opaque: bool = Field(description="The effect cannot be predicted.")
    state: ChangeState
    in_force: bool
    reason: EscapedLine
    made: datetime | None
    undone: datetime | None
    ends: datetime | None = Field(description="Time of the automatic expiry.")
    expired: bool


class ReportEvidence(_Part):
    """A collection."""

    step: EscapedLine
    host: EscapedLine
    profile: EscapedLine
    at: datetime = Field(description="Time of completion, by the controller's clock.")
    by: EscapedLine = Field(description="Operator of the collection: `user@machine`.")
    folder: EscapedLine = Field(description="Below the run's folder.")
    items: int
    bytes: int
    manifest_sha256: EscapedLine


class ReportFinding(_Part):
    """A finding of the rules; the full text lies beside the evidence."""

    step: EscapedLine
    host: EscapedLine
    severity: Severity
    id: EscapedLine = Field(description="The rule's.")
    title: EscapedLine
    count: int
    first: EscapedLine = Field(description="First sighting, with place.")
    times: tuple[datetime, ...] = Field(description="Times of the sightings, by the host's own word.")
    tags: tuple[EscapedLine, ...] = Field(description="Techniques of MITRE ATT&CK, such as `attack.t1053.003`.")


class ReportAnswer(_Part):
    """A question, with answer and person."""

    late: bool = False
    """Given after the question was answered or withdrawn: no decision."""
    at: datetime
    step: EscapedLine
    target: EscapedLine
    question: EscapedLine
    answer: EscapedLine
    by: EscapedLine


class ReportCause(_Part):
    """The way in, as a person gave it."""

    text: EscapedLine
    by: EscapedLine
    at: datetime


class ReportMessage(_Part):
    """A message to somebody outside."""

    at: datetime
    step: EscapedLine
    target: EscapedLine
    about: EscapedLine
    to: EscapedLine
    way: EscapedLine
    subject: EscapedLine
    state: Literal["sent", "failed", "unknown"] = Field(description="unknown: delivery is uncertain.")
    detail: EscapedLine


class ReportImpact(_Part):
    """How long visitors or senders did without a service of a target."""

    target: EscapedLine
    service: Literal["web", "mail"]
    seconds: float = Field(description="By the changes in force; several stretches are added.")
    since: datetime = Field(description="Begin of the first stretch.")
    until: datetime | None = Field(description="End of the last stretch of a minute or more; null: it goes on.")
    stretches: tuple[tuple[datetime, datetime | None], ...] = Field(
        description="Begin and end of each; null: it goes on."
    )
    seen_seconds: float | None = Field(description="As seen from other hosts; null: nobody looked, or it goes on.")
    seen_since: datetime | None = Field(description="First look from outside without an answer.")
    seen_until: datetime | None = Field(description="First look from outside with an answer again.")
    seen_by: tuple[EscapedLine, ...] = Field(description="The hosts that looked.")


class ReportAction(_Part):
    """Something to do or to decide, with an owner and a due day."""

    number: int = Field(description="0: follows from the records.")
    kind: Literal["action", "decision", "findings", "ends", "duty", "question"]
    host: EscapedLine = ""
    text: EscapedLine
    owner: EscapedLine = Field("", description="Empty: nobody is named.")
    due: date | None = None
    due_at: datetime | None = None
    late: bool = False
    done_at: datetime | None = None
    result: EscapedLine = ""


class ReportDuty(_Part):
    """A duty to notify that is not settled."""

    id: EscapedLine
    text: EscapedLine = Field(description="Name of the notice.")
    state: Literal["undecided", "owed", "not-owed", "sent"]
    due: EscapedLine
    late: bool


class ReportGood(_Part):
    """Something that went well."""

    kind: Literal["contained", "all-held", "all-sent", "said"]
    host: EscapedLine = ""
    text: EscapedLine = ""
    by: EscapedLine = ""
    seconds: float | None = None
    count: int = 0


class ReportGap(_Part):
    """A gap in coverage."""

    step: EscapedLine
    target: EscapedLine
    text: EscapedLine


class Event(_Part):
    """A line of the timeline; `kind` gives the meaning of `text` and `detail`."""

    at: datetime
    kind: Literal[
        "run-started",
        "plan-made",
        "host-unreachable",
        "change",
        "step",
        "undo",
        "check",
        "evidence",
        "answer",
        "message",
        "note",
        "damage",
        "stepped-back",
        "permitted",
        "approved",
        "approval-asked",
        "emergency",
        "run-finished",
    ]
    result: EscapedLine = Field(description="Outcome, state, `holds`/`fails`/`unseen`, or the answer, by kind.")
    host: EscapedLine
    text: EscapedLine
    detail: EscapedLine


class OpenPoint(_Part):
    """A point for a person to follow up."""

    kind: Literal[
        "running",
        "interrupted",
        "waiting",
        "not-approved",
        "not-contained",
        "host-unreachable",
        "step",
        "change-unknown",
        "message",
        "undo",
        "check-fails",
        "check-unseen",
        "findings-undecided",
        "findings-left-open",
        "findings-seen-again",
        "findings-accepted",
        "findings-acceptance-ended",
        "findings-unread",
        "ends",
    ]
    host: EscapedLine
    text: EscapedLine = Field(description="What the point is about.")
    detail: EscapedLine
    counts: tuple[tuple[Severity, int], ...] = Field((), description="Of findings: how many of each severity.")
    by: EscapedLine = Field("", description="Of findings: who decided.")
    last_day: date | None = Field(None, description="Of accepted findings: the last day of the acceptance.")
    at: datetime | None = None


class ReportTime(_Part):
    """Seconds from the start of the run to an event, on one target."""

    kind: Literal["cut", "proof", "end", "lifted"]
    target: EscapedLine = Field(description="Empty for the whole run.")
    seconds: float


class ReportLesson(_Part):
    """A possible improvement, shown by the run."""

    kind: Literal["slow", "manual", "timed-out", "refused", "failed", "unreachable", "unseen", "not-sent"]
    host: EscapedLine
    text: EscapedLine
    detail: EscapedLine
    seconds: float | None = None


class ReportCredential(_Part):
    """A credential exposed to root on a target, to be replaced."""

    kind: Literal["host-key", "login", "stored", "found"]
    host: EscapedLine
    text: EscapedLine = Field(description="Address, login, or what was found where; by names, never by content.")


class ReportRun(_Part):
    """A run covered by the report."""

    run: EscapedLine
    title: EscapedLine = Field(description="Name of the runbook.")
    operator: EscapedLine
    started: datetime
    finished: datetime | None
    state: RunState
    undoable: bool = Field(description="An undo would take something back.")


class ReportIncident(_Part):
    """The incident, for a report of an incident."""

    name: EscapedLine
    opened: datetime
    opened_by: EscapedLine
    closed: datetime | None
    in_charge: EscapedLine | None = None
    phone: EscapedLine | None = None
    severity: Severity | None = None
    service: EscapedLine | None = Field(None, description="What the host serves, in English.")
    service_ja: EscapedLine | None = Field(None, description="What the host serves, in Japanese.")
    seen_at: datetime | None = Field(None, description="When it was noticed.")
    seen: EscapedLine | None = Field(None, description="What was seen, and how it was noticed.")
    costs: EscapedLine | None = None
    tlp: EscapedLine | None = Field(None, description="Of the Traffic Light Protocol.")


class Report(_Part):
    """The report of one run, or of an incident with one or more runs."""

    format: Literal["stopgap-report"] = "stopgap-report"
    version: Literal[1] = 1
    stopgap: EscapedLine = Field(description="Version of the program that ran it.")
    incident: ReportIncident | None = None
    run: EscapedLine = Field(description="Its id; of an incident, its name.")
    runs: tuple[ReportRun, ...]
    title: EscapedLine = Field(description="Name of the runbook, or of the incident.")
    runbook: EscapedLine
    inventory: EscapedLine
    operator: EscapedLine
    targets: tuple[EscapedLine, ...]
    hosts: tuple[ReportHost, ...]
    as_of: datetime
    started: datetime
    finished: datetime | None
    state: RunState
    exit_code: int | None
    plan_digest: EscapedLine | None
    damage: tuple[EscapedLine, ...] = Field(
        description="What shows that these are not the records that were written."
    )
    tone: Literal["good", "warn", "bad"] = Field(description="How the first glance should feel.")
    containment: tuple[ReportContainment, ...]
    open: tuple[OpenPoint, ...]
    not_covered: tuple[ReportGap, ...]
    steps: tuple[ReportStep, ...]
    changes: tuple[ReportChange, ...]
    undo_order: tuple[int, ...] = Field(description="Numbers of the changes that an undo would take back, in order.")
    checks: tuple[ReportCheck, ...]
    evidence: tuple[ReportEvidence, ...]
    findings: tuple[ReportFinding, ...] = Field(description="The worst first.")
    impact: tuple[ReportImpact, ...] = Field((), description="What visitors and senders did without.")
    messages_held: int | None = Field(None, description="Mail in the queue when the mail server was stopped.")
    customers_told: int = Field(0, description="Customers with a message that was sent.")
    page_shown: int | None = Field(None, description="Requests shown the maintenance page; null: not counted.")
    actions: tuple[ReportAction, ...] = Field(
        (), description="What is to be decided or done; what is done comes last."
    )
    duties: tuple[ReportDuty, ...] = Field((), description="Duties to notify that are not settled, by deadline.")
    went_well: tuple[ReportGood, ...] = ()
    cause: ReportCause | None = Field(None, description="The way in; null where nobody was asked.")
    answers: tuple[ReportAnswer, ...]
    messages: tuple[ReportMessage, ...]
    times: tuple[ReportTime, ...]
    lessons: tuple[ReportLesson, ...]
    rotate: tuple[ReportCredential, ...]
    timeline: tuple[Event, ...]

"""Notices: events of their own for what a person has to know, so that a filter or a rule can name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from stopgap.orchestrator.documents.event_words import approval_words
from stopgap.orchestrator.journal.approval_records import ApprovalAsked
from stopgap.orchestrator.journal.records import (
    AnyRecord,
    Asked,
    ChangeIntended,
    ChangeMade,
    FindingsMade,
    RunFinished,
    StepFinished,
    UndoMade,
    Verdict,
)
from stopgap.orchestrator.outcome import FAILURES, Outcome
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import Text, tr

NoticeName: TypeAlias = Literal[
    "question-waits",
    "approval-needed",
    "step-failed",
    "contained",
    "partly",
    "unverified",
    "drifted",
    "changed-by-others",
    "in-force-again",
    "block-ends-soon",
    "finding",
]
NOTICES: tuple[NoticeName, ...] = get_args(NoticeName)


@dataclass(frozen=True)
class Notice:
    """What a person has to know; host and target are those of the record where none is given."""

    event: NoticeName
    severity: Severity
    summary: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""
    target: str = ""


def notices_of(run: str, record: AnyRecord, change: ChangeIntended | None = None) -> Iterator[Notice]:
    """Yield the notices of a record. `change`: the change that the record is about."""
    match record:
        case Asked():
            yield _waits(run, record)
        case ApprovalAsked():
            yield Notice(
                "approval-needed",
                "high",
                approval_words(record),
                {
                    "person": record.person,
                    "plan_digest": record.plan,
                    "people": record.people,
                    "emergency": record.emergency,
                    "command": join(["stopgap", "approve", run]),
                },
            )
        case StepFinished() if record.outcome in FAILURES:
            about = tr(
                "{step} on {target}: {outcome}", step=record.step, target=record.target, outcome=record.outcome
            )
            yield Notice(
                "step-failed",
                "medium" if record.outcome == Outcome.REFUSED else "high",
                tr("{about}: {reason}", about=about, reason=record.reason) if record.reason else about,
                {"outcome": record.outcome, "reason": record.reason},
            )
        case ChangeMade() | UndoMade() if record.outcome == "drifted":
            yield _drifted(record, change)
            if isinstance(record, UndoMade):
                yield changed_by_others("changed", record.reason, host=change.host if change else record.target)
        case RunFinished():
            for target, verdict in record.containment.items():
                yield judged(target, verdict)
        case FindingsMade():
            for noted in record.findings:
                yield Notice(
                    "finding",
                    noted.severity,
                    tr("{title}: {first}", title=noted.title, first=noted.first),
                    {
                        "finding": noted.id,
                        "title": noted.title,
                        "count": noted.count,
                        "first": noted.first,
                        "times": list(noted.times),
                        "tags": list(noted.tags),
                        "folder": record.folder,
                        "profile": record.profile,
                    },
                )


def judged(target: str, verdict: Verdict) -> Notice:
    """Return the notice of a verdict: `contained`, `partly` or `unverified`."""
    words: dict[Verdict, tuple[Severity, Text]] = {
        "contained": ("info", tr("{target} is contained", target=target)),
        "partly": ("critical", tr("{target} is contained only in part", target=target)),
        "unverified": ("high", tr("whether {target} is contained is not verified", target=target)),
    }
    severity, summary = words[verdict]
    return Notice(verdict, severity, summary, {"verdict": verdict}, host=target, target=target)


def changed_by_others(state: Literal["changed", "gone"], reason: str, *, host: str) -> Notice:
    """Return the notice of a change that somebody else has changed, or taken away."""
    words = {
        "changed": tr("{host}: somebody else has changed what is in force", host=host),
        "gone": tr("{host}: what was in force is gone", host=host),
    }
    return Notice("changed-by-others", "high", words[state], {"state": state, "reason": reason}, host=host)


def _waits(run: str, record: Asked) -> Notice:
    question = record.question
    command = join(["stopgap", "answer", run, record.step, "-t", record.target])
    return Notice(
        "question-waits",
        "high",
        tr("{target} waits for an answer: {question}", target=record.target, question=question.text),
        {
            "question": question.text,
            "reason": question.reason,
            "expected": question.expected,
            "default": question.default,
            "timeout_seconds": question.timeout,
            "command": f"{command} {question.argument}",
        },
    )


def _drifted(record: ChangeMade | UndoMade, change: ChangeIntended | None) -> Notice:
    about = change.change.describe() if change else record.step
    return Notice(
        "drifted",
        "high",
        tr("{about}: not as it was when it was planned: {reason}", about=about, reason=record.reason),
        {"index": record.index, "undo": isinstance(record, UndoMade), "reason": record.reason},
    )

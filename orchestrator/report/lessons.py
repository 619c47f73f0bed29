"""Lessons from a run's times and outcomes: speed, improvements, credentials to replace. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.records import Answered, Asked
from stopgap.orchestrator.report.model import ReportCredential, ReportLesson, ReportTime

SLOW = 30.0
"""Seconds; a step that takes longer is named, beside those that take more than half of the run."""
NOTICEABLE = 5.0
"""Seconds; below them no step is called slow, however short the run was."""
CREDENTIALS = "credential-"
"""Rules whose ids begin so name what has to be replaced."""


def times(history: History) -> Iterator[ReportTime]:
    """Yield the seconds from the run's start to each target's cut, to the proof, and to the end."""
    for each in history.containment:
        if each.cut_at:
            yield ReportTime(kind="cut", target=each.target, seconds=_after(history, each.cut_at))
        if each.proved_at:
            yield ReportTime(kind="proof", target=each.target, seconds=_after(history, each.proved_at))
    if history.finished_at:
        yield ReportTime(kind="end", target="", seconds=_after(history, history.finished_at))


def lessons(history: History) -> Iterator[ReportLesson]:
    """Yield possible improvements; an unreachable host is named once, not for each step."""
    for host, reason in history.unreachable.items():
        yield _lesson("unreachable", host, "", reason)
    declined = {(answer.step, answer.target) for answer in history.answers}
    for step in history.steps:
        if step.outcome == "refused" and (step.step, step.target) in declined:
            continue  # A person's no is a decision, not a fault.
        if step.outcome == "refused":
            yield _lesson("refused", step.host, step.name, step.reason)
        elif step.outcome in {"failed", "unknown"}:
            yield _lesson("failed", step.host, step.name, step.reason)
    yield from _slow(history)
    yield from _waits(history)
    for change in history.changes:
        if not change.change.has_undo and change.state in {"done", "no-undo"}:
            yield _lesson("manual", change.host, change.change.describe())
    for check in history.checks:
        if check.holds is None:
            yield _lesson("unseen", check.vantage, check.about, check.seen)
    for message in history.messages:
        if message.state == "failed":
            yield _lesson("not-sent", "", f"{message.about}, {message.to}", message.detail)


def to_rotate(history: History) -> Iterator[ReportCredential]:
    """Yield credentials readable by root on a target; none for a host never contacted."""
    acted = {step.host for step in history.steps} | set(history.started.targets)
    for host in history.started.hosts:
        if host.name in acted & set(history.started.targets) and host.connection == "ssh" and host.cli is None:
            name = host.name
            yield ReportCredential(kind="host-key", host=name, text=host.address)
            yield ReportCredential(kind="login", host=name, text=f"{host.user}@{host.address}")
            yield ReportCredential(kind="stored", host=name, text="")
            yield from _found(history, host.name)


def _found(history: History, host: str) -> Iterator[ReportCredential]:
    for made in history.findings_now():
        for noted in made.findings if made.host == host else ():
            if noted.id.startswith(CREDENTIALS):
                more = f", and {noted.count - 1} more" if noted.count > 1 else ""
                text = f"{noted.title}: {noted.first}{more}"
                yield ReportCredential(kind="found", host=host, text=text)


def _slow(history: History) -> Iterator[ReportLesson]:
    end = history.finished_at or history.as_of
    whole = _after(history, end)
    asks = {(e.record.step, e.record.target) for e in history.entries if isinstance(e.record, Asked)}
    for step in history.steps:
        if (step.step, step.target) in asks:
            continue  # The time that a person takes to decide is no fault.
        if step.seconds >= SLOW or (step.seconds >= NOTICEABLE and step.seconds > whole / 2):
            yield _lesson("slow", step.host, step.name, seconds=step.seconds)


def _waits(history: History) -> Iterator[ReportLesson]:
    asked: dict[tuple[str, str, str], datetime] = {}
    for entry in history.entries:
        record = entry.record
        if isinstance(record, Asked):
            asked[record.step, record.target, record.question.text] = entry.at
        elif isinstance(record, Answered):
            since = asked.pop((record.step, record.target, record.question), None)
            waited = (entry.at - since).total_seconds() if since else 0.0
            if record.by == "time-out":
                yield _lesson("timed-out", record.target, record.question, record.answer, waited)


def _after(history: History, moment: datetime) -> float:
    return max(0.0, (moment - history.started_at).total_seconds())


def _lesson(kind: str, host: str, text: str, detail: str = "", seconds: float | None = None) -> ReportLesson:
    fields = {"kind": kind, "host": host, "text": text, "detail": detail, "seconds": seconds}
    return ReportLesson.model_validate(fields)

"""Construction of a report from a run's history. Pure; every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.journal import ChangeStatus, History, MessageStatus, StepStatus, moment
from stopgap.orchestrator.journal.records import Answered, Asked, CheckJudged, EvidenceKept
from stopgap.orchestrator.report.impact import customers_told, impact, messages_held, services_out
from stopgap.orchestrator.report.lessons import lessons, times, to_rotate
from stopgap.orchestrator.report.model import (
    Report,
    ReportAnswer,
    ReportCause,
    ReportChange,
    ReportCheck,
    ReportContainment,
    ReportEvidence,
    ReportFinding,
    ReportGap,
    ReportHost,
    ReportMessage,
    ReportRun,
    ReportStep,
)
from stopgap.orchestrator.report.open_points import open_points, tone_of
from stopgap.orchestrator.report.timeline import timeline
from stopgap.orchestrator.severity import SEVERITIES

PREVIEW_LINES = 400
"""Of one change; a longer diff is cut, and says so."""


def build(history: History) -> Report:
    """Return the report of a run in the present state."""
    number = {id(change): count for count, change in enumerate(history.changes, 1)}
    of_step: dict[tuple[str, str], list[int]] = {}
    for change in history.changes:
        of_step.setdefault((change.step, change.target), []).append(number[id(change)])
    standing = {id(change) for change in history.in_force()}
    containment = tuple(_containment(history))
    points = tuple(open_points(history))
    started = history.started
    return Report(
        stopgap=started.version,
        run=history.run,
        runs=(
            ReportRun(
                run=history.run,
                title=started.runbook_name,
                operator=started.operator,
                started=history.started_at,
                finished=history.finished_at,
                state=history.state,
                undoable=bool(history.undoable()),
            ),
        ),
        title=started.runbook_name,
        runbook=started.runbook_path,
        inventory=started.inventory_path,
        operator=started.operator,
        targets=started.targets,
        hosts=tuple(_hosts(history)),
        as_of=history.as_of,
        started=history.started_at,
        finished=history.finished_at,
        state=history.state,
        exit_code=history.finished.exit_code if history.finished else None,
        plan_digest=history.plan.digest if history.plan else None,
        damage=history.damage,
        tone="bad" if history.damage else tone_of(containment, points),
        containment=containment,
        open=points,
        not_covered=tuple(_gaps(history)),
        steps=tuple(_step(step, history, of_step.get((step.step, step.target), [])) for step in history.steps),
        changes=tuple(
            _change(change, history.run, number[id(change)], id(change) in standing) for change in history.changes
        ),
        undo_order=tuple(number[id(change)] for change in history.undoable()),
        checks=tuple(map(_check, history.checks)),
        evidence=tuple(_evidence(history)),
        findings=tuple(_findings(history)),
        impact=tuple(impact([history])),
        messages_held=messages_held([history]),
        customers_told=customers_told([history]),
        cause=cause_of(history),
        answers=tuple(_answers(history)),
        messages=tuple(map(_message, history.messages)),
        times=tuple(times(history)),
        lessons=tuple(lessons(history)),
        rotate=tuple(to_rotate(history)),
        timeline=tuple(timeline(history)),
    )


def _hosts(history: History) -> Iterator[ReportHost]:
    """Yield the hosts involved in the run, targets first."""
    acted = (
        {step.host for step in history.steps} | {check.vantage for check in history.checks} | set(history.unreachable)
    )
    targets = set(history.started.targets)
    for host in sorted(history.started.hosts, key=lambda host: host.name not in targets):
        if host.name in acted | targets:
            yield ReportHost(
                name=host.name,
                address=host.address,
                addresses=tuple(map(str, host.addresses)),
                upstream=", ".join(host.upstreams) or None,
                spare=host.spare,
            )


def _containment(history: History) -> Iterator[ReportContainment]:
    for each in history.containment:
        yield ReportContainment(
            target=each.target,
            verdict=each.verdict,
            in_force=each.in_force,
            cut_at=each.cut_at,
            proved_at=each.proved_at,
            until=each.until,
            proofs=tuple(map(_check, each.proofs)),
        )


def _check(check: CheckJudged) -> ReportCheck:
    return ReportCheck(
        step=check.step,
        target=check.target,
        vantage=check.vantage,
        about=check.about,
        holds=check.holds,
        seen=check.seen,
        containment=check.containment,
        reported_by_target=check.reported_by_target,
    )


def _step(step: StepStatus, history: History, changes: list[int]) -> ReportStep:
    return ReportStep(
        step=step.step,
        target=step.target,
        host=step.host,
        name=step.name,
        task=step.task,
        outage=bool(services_out(step)),
        services_out=services_out(step),
        outcome=step.outcome or ("running" if history.state == "running" else "interrupted"),
        reason=step.reason,
        started=step.started,
        finished=step.finished,
        seconds=step.seconds,
        after=(step.finished - history.started_at).total_seconds() if step.finished else None,
        notes=step.notes,
        changes=tuple(changes),
    )


def _change(change: ChangeStatus, run: str, number: int, in_force: bool) -> ReportChange:
    lines = change.change.preview()
    return ReportChange(
        number=number,
        run=run,
        step=change.step,
        target=change.target,
        host=change.host,
        does=change.change.describe(),
        undo=change.change.describe_undo(),
        preview=tuple(line.expandtabs(4) for line in lines[:PREVIEW_LINES]),
        preview_left_out=max(0, len(lines) - PREVIEW_LINES),
        opaque=change.change.is_opaque,
        state=change.state,
        in_force=in_force,
        reason=change.reason,
        made=change.made,
        undone=change.undone,
        ends=change.ends,
        expired=change.expired,
    )


def _gaps(history: History) -> Iterator[ReportGap]:
    for step in history.steps:
        for text in step.gaps:
            yield ReportGap(step=step.step, target=step.target, text=text)


def _evidence(history: History) -> Iterator[ReportEvidence]:
    for entry in history.entries:
        if isinstance(kept := entry.record, EvidenceKept):
            yield ReportEvidence(
                step=kept.step,
                host=kept.host,
                profile=kept.profile,
                at=entry.at,
                by=history.started.operator,
                folder=kept.folder,
                items=kept.items,
                bytes=kept.size,
                manifest_sha256=kept.manifest_sha256,
            )


def _findings(history: History) -> Iterator[ReportFinding]:
    found = [(made, noted) for made in history.findings_now() for noted in made.findings]
    for made, noted in sorted(found, key=lambda pair: SEVERITIES.index(pair[1].severity)):
        yield ReportFinding(
            step=made.step,
            host=made.target,
            severity=noted.severity,
            id=noted.id,
            title=noted.title,
            count=noted.count,
            first=noted.first,
            times=tuple(sorted(filter(None, map(moment, noted.times)))),
            tags=noted.tags,
        )


def _answers(history: History) -> Iterator[ReportAnswer]:
    late = {id(record) for record in history.late_answers}
    for entry in history.entries:
        if isinstance(record := entry.record, Answered):
            yield ReportAnswer(
                late=id(record) in late,
                at=entry.at,
                step=record.step,
                target=record.target,
                question=record.question,
                answer=record.answer,
                by=record.by,
            )


def cause_of(history: History) -> ReportCause | None:
    """Return the way in, as a person named the way in last; None where nobody did."""
    asked = {
        (record.step, record.target, record.question.text)
        for entry in history.entries
        if isinstance(record := entry.record, Asked) and record.question.cause
    }
    counts = {id(answer) for answer in history.answers}
    found: ReportCause | None = None
    for entry in history.entries:
        record = entry.record
        if isinstance(record, Answered) and id(record) in counts:
            place = (record.step, record.target, record.question)
            if place in asked:
                found = ReportCause(text=record.answer, by=record.by, at=entry.at)
    return found


def _message(message: MessageStatus) -> ReportMessage:
    return ReportMessage(
        at=message.at,
        step=message.step,
        target=message.target,
        about=message.about,
        to=message.to,
        way=message.way,
        subject=message.subject,
        state=message.state,
        detail=message.detail,
    )

"""Construction of a report from a run's history. Pure; every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal import ChangeStatus, History, MessageStatus, StepStatus, moment
from stopgap.orchestrator.journal.records import Answered, CheckJudged, EvidenceKept
from stopgap.orchestrator.report.lessons import lessons, times, to_rotate
from stopgap.orchestrator.report.model import (
    Report,
    ReportAnswer,
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
        stopgap=escape(started.version),
        run=history.run,
        runs=(
            ReportRun(
                run=history.run,
                title=escape(started.runbook_name),
                operator=escape(started.operator),
                started=history.started_at,
                finished=history.finished_at,
                state=history.state,
                undoable=bool(history.undoable()),
            ),
        ),
        title=escape(started.runbook_name),
        runbook=escape(started.runbook_path),
        inventory=escape(started.inventory_path),
        operator=escape(started.operator),
        targets=tuple(map(escape, started.targets)),
        hosts=tuple(_hosts(history)),
        as_of=history.as_of,
        started=history.started_at,
        finished=history.finished_at,
        state=history.state,
        exit_code=history.finished.exit_code if history.finished else None,
        plan_digest=history.plan.digest if history.plan else None,
        damage=tuple(map(escape, history.damage)),
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
                name=escape(host.name),
                address=escape(host.address),
                addresses=tuple(map(str, host.addresses)),
                upstream=", ".join(map(escape, host.upstreams)) or None,
                spare=host.spare and escape(host.spare),
            )


def _containment(history: History) -> Iterator[ReportContainment]:
    for each in history.containment:
        yield ReportContainment(
            target=escape(each.target),
            verdict=each.verdict,
            in_force=each.in_force,
            cut_at=each.cut_at,
            proved_at=each.proved_at,
            until=each.until,
            proofs=tuple(map(_check, each.proofs)),
        )


def _check(check: CheckJudged) -> ReportCheck:
    return ReportCheck(
        step=escape(check.step),
        target=escape(check.target),
        vantage=escape(check.vantage),
        about=escape(check.about),
        holds=check.holds,
        seen=escape(check.seen),
        containment=check.containment,
        reported_by_target=check.reported_by_target,
    )


def _step(step: StepStatus, history: History, changes: list[int]) -> ReportStep:
    return ReportStep(
        step=escape(step.step),
        target=escape(step.target),
        host=escape(step.host),
        name=escape(step.name),
        task=escape(step.task),
        outage=step.outage,
        outcome=step.outcome or ("running" if history.state == "running" else "interrupted"),
        reason=escape(step.reason),
        started=step.started,
        finished=step.finished,
        seconds=step.seconds,
        after=(step.finished - history.started_at).total_seconds() if step.finished else None,
        notes=tuple(map(escape, step.notes)),
        changes=tuple(changes),
    )


def _change(change: ChangeStatus, run: str, number: int, in_force: bool) -> ReportChange:
    lines = change.change.preview()
    return ReportChange(
        number=number,
        run=run,
        step=escape(change.step),
        target=escape(change.target),
        host=escape(change.host),
        does=escape(change.change.describe()),
        undo=escape(change.change.describe_undo()),
        preview=tuple(escape(line.expandtabs(4)) for line in lines[:PREVIEW_LINES]),
        preview_left_out=max(0, len(lines) - PREVIEW_LINES),
        opaque=change.change.is_opaque,
        state=change.state,
        in_force=in_force,
        reason=escape(change.reason),
        made=change.made,
        undone=change.undone,
        ends=change.ends,
        expired=change.expired,
    )


def _gaps(history: History) -> Iterator[ReportGap]:
    for step in history.steps:
        for text in step.gaps:
            yield ReportGap(step=escape(step.step), target=escape(step.target), text=escape(text))


def _evidence(history: History) -> Iterator[ReportEvidence]:
    for entry in history.entries:
        if isinstance(kept := entry.record, EvidenceKept):
            yield ReportEvidence(
                step=escape(kept.step),
                host=escape(kept.host),
                profile=escape(kept.profile),
                at=entry.at,
                by=escape(history.started.operator),
                folder=escape(kept.folder),
                items=kept.items,
                bytes=kept.size,
                manifest_sha256=escape(kept.manifest_sha256),
            )


def _findings(history: History) -> Iterator[ReportFinding]:
    found = [(made, noted) for made in history.findings_now() for noted in made.findings]
    for made, noted in sorted(found, key=lambda pair: SEVERITIES.index(pair[1].severity)):
        yield ReportFinding(
            step=escape(made.step),
            host=escape(made.target),
            severity=noted.severity,
            id=escape(noted.id),
            title=escape(noted.title),
            count=noted.count,
            first=escape(noted.first),
            times=tuple(sorted(filter(None, map(moment, noted.times)))),
            tags=tuple(map(escape, noted.tags)),
        )


def _answers(history: History) -> Iterator[ReportAnswer]:
    late = {id(record) for record in history.late_answers}
    for entry in history.entries:
        if isinstance(record := entry.record, Answered):
            yield ReportAnswer(
                late=id(record) in late,
                at=entry.at,
                step=escape(record.step),
                target=escape(record.target),
                question=escape(record.question),
                answer=escape(record.answer),
                by=escape(record.by),
            )


def _message(message: MessageStatus) -> ReportMessage:
    return ReportMessage(
        at=message.at,
        step=escape(message.step),
        target=escape(message.target),
        about=escape(message.about),
        to=escape(message.to),
        way=escape(message.way),
        subject=escape(message.subject),
        state=message.state,
        detail=escape(message.detail),
    )

"""What is open after a run: points that a person has to follow up. Pure; every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.open_findings import OpenFinding, open_findings
from stopgap.orchestrator.outcome import FAILURES
from stopgap.orchestrator.report.model import OpenPoint, ReportContainment
from stopgap.orchestrator.severity import SEVERITIES
from stopgap.orchestrator.text import Text

_BAD_UNDO = {"undo-failed", "undo-drifted", "undo-unknown", "no-undo"}


def open_points(history: History) -> Iterator[OpenPoint]:
    """Yield the open points of a run, what people have to decide first."""

    def point(kind: str, host: str, text: str = "", detail: str = "", **more: object) -> OpenPoint:
        fields = {"kind": kind, "host": host, "text": text, "detail": detail}
        return OpenPoint.model_validate(fields | more)

    if history.state in {"running", "interrupted", "waiting"}:
        yield point(history.state, "")
    if history.approval and history.approval.emergency and history.approvals_lacking:
        yield point("not-approved", "", history.approval.person, history.approval.emergency)
    yield from findings_points([history])
    for each in history.containment:
        if each.verdict != "contained" or not each.in_force:
            yield point("not-contained", each.target, each.verdict if each.in_force else "lifted")
        elif each.until:
            yield point("ends", each.target, at=each.until)
    for host, reason in history.unreachable.items():
        yield point("host-unreachable", host, "", reason)
    for step in history.steps:
        if step.outcome in FAILURES and step.host not in history.unreachable:
            yield point("step", step.host, step.name, step.reason)
    for change in history.changes:
        if change.activates:
            continue
        if change.state == "unknown":
            yield point("change-unknown", change.host, change.change.describe(), change.reason)
        elif change.state in _BAD_UNDO:
            yield point("undo", change.host, change.change.describe(), change.reason or change.state)
    for message in history.messages:
        if message.state == "unknown":
            yield point("message", message.target, f"{message.about}, {message.to}", message.detail)
    yield from _open_checks(history)
    for made in history.findings_now():
        if made.trouble:
            yield point("findings-unread", made.target, made.folder, made.trouble)
        for unread in made.unread:
            table, reason = _table_and_reason(unread)
            yield point("findings-unread", made.target, table, reason)


def findings_points(histories: Sequence[History]) -> Iterator[OpenPoint]:
    """Yield the open findings, one point for each target, state and reason; the worst first."""
    groups: dict[tuple[str, str, str, str, date | None], list[OpenFinding]] = {}
    for each in open_findings(histories):
        groups.setdefault((each.target, each.state, each.by, each.reason, each.until), []).append(each)
    for (target, state, by, reason, until), found in groups.items():
        counts = [(severity, sum(f.finding.severity == severity for f in found)) for severity in SEVERITIES]
        yield OpenPoint.model_validate(
            {
                "kind": f"findings-{state}",
                "host": target,
                "text": "",
                "detail": reason,
                "counts": tuple((severity, count) for severity, count in counts if count),
                "by": by,
                "last_day": until,
            }
        )


def _open_checks(history: History) -> Iterator[OpenPoint]:
    undone = {(c.step, c.target) for c in history.changes} - {(c.step, c.target) for c in history.in_force()}
    seen = {(check.target, check.about) for check in history.checks if check.holds is not None}
    for check in history.checks:
        if check.holds or (check.step, check.target) in undone:
            continue
        if check.holds is None and (check.target, check.about) in seen:
            continue
        yield OpenPoint(
            kind="check-unseen" if check.holds is None else "check-fails",
            host=check.vantage,
            text=check.about,
            detail=check.seen,
        )


def tone_of(
    containment: tuple[ReportContainment, ...], points: tuple[OpenPoint, ...]
) -> Literal["good", "warn", "bad"]:
    """Say how the first glance should feel."""
    kinds = {point.kind for point in points}
    if kinds & {"interrupted", "host-unreachable", "step", "change-unknown", "message", "undo", "check-fails"}:
        return "bad"
    if kinds & {"findings-left-open", "findings-seen-again"}:
        return "bad"
    if any(each.in_force and each.verdict != "contained" for each in containment):
        return "bad"
    return "warn" if kinds - {"ends"} else "good"


def _table_and_reason(unread: str) -> tuple[str, str]:
    """Return the two parts of `TABLE: REASON`, the reason as a text if there is one."""
    if isinstance(unread, Text) and {"table", "reason"} <= unread.arguments.keys():
        return str(unread.arguments["table"]), str(unread.arguments["reason"])
    table, _, reason = unread.partition(": ")
    return table, reason

"""Layout of steps: the same lines for preview and result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from stopgap.orchestrator.change import (
    Activate,
    AnyChange,
    AttributesChange,
    DeviceChange,
    FreezeChange,
    PathChange,
    ProviderChange,
    RunCommands,
)
from stopgap.orchestrator.cli.screen import Screen, columns, said
from stopgap.orchestrator.cli.words import INDENT, entry, named, reason_label, worded
from stopgap.orchestrator.journal.records import CheckJudged, StepFinished
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.past_runs import THIS
from stopgap.orchestrator.text import moment_text, tr, trn

if TYPE_CHECKING:
    from stopgap.orchestrator.host import Host, Scene
    from stopgap.orchestrator.message import Message
    from stopgap.orchestrator.plan import Plan, PlannedStep
    from stopgap.orchestrator.run.evidence_stream import Progress
    from stopgap.orchestrator.task import UndoRequest

_LONG = 40
_WEEK, _HOUR, _MINUTE = 7 * 86400, 3600, 60
"""Seconds."""
"""Lines of a new file that are shown; a diff of one that exists is always whole."""
_OTHERS = 20
"""Recipients that are named."""
_STYLE = {
    "changed": "good",
    "unchanged": "quiet",
    "would-change": "warn",
    "skipped": "quiet",
    "failed": "bad",
    "would-fail": "bad",
    "unknown": "bad",
    "unreachable": "bad",
    "refused": "bad",
}


def show_heading(screen: Screen, name: str, mode: str) -> None:
    """Show the name of the runbook, and the mode."""
    screen.line(columns(name, mode, widths=(len(mode),)), "title")


def show_target(screen: Screen, target: Host, scene: Scene | None) -> None:
    """Show a target with addresses, upstreams and spare."""
    upstreams, spare = (scene.upstreams, scene.spare) if scene else ((), None)
    known = [target.name, *(str(a) for a in target.addresses or (target.address,))]
    named = [f"{router.name} ({router.driver})" if router.driver else router.name for router in upstreams]
    relations = [tr("upstream {named}", named=", ".join(named))] if named else []
    relations += [tr("spare {spare}", spare=spare.name)] if spare else []
    screen.line("  ".join(known) + ("   " + "   ".join(map(said, relations)) if relations else ""))
    screen.line()


def show_plan(screen: Screen, plan: Plan, *, full: bool = True) -> None:
    """Show every step of a plan in full, target by target."""
    target: Host | None = None
    for step in plan.steps:
        if target is None or step.target.name != target.name:
            target = step.target
            show_target(screen, target, step.scene)
        show_header(screen, step, word_of(step.outcome), step.outcome, _reads(step))
        show_body(screen, step, full=full)
        show_proof_to_come(screen, step)
        if step.reason:
            screen.line(entry(reason_label(step.outcome), step.reason), _STYLE[step.outcome])
    show_gaps(screen, [gap.text for step in plan.steps for gap in step.gaps])


def show_header(screen: Screen, step: PlannedStep, word: str, outcome: str, extra: str = "") -> None:
    """Show the step's line: number, name, host, outcome."""
    host = step.on.name if step.on else step.target.name
    suffix = step.key.removeprefix(step.step.id).partition("@")[0]
    screen.line(
        columns(f"{step.number:<2} {named(step.name, step.step.name_ja)}{suffix}", host, extra or word),
        _STYLE.get(outcome, ""),
    )


def show_body(screen: Screen, step: PlannedStep, *, full: bool = True, letters: bool = True) -> None:
    """Show changes, undo, questions and notes of a step."""
    for change in step.ordered():
        _show_change(screen, change, full=full)
    for undo_request in step.undo_requests:
        _show_lifting(screen, undo_request)
    _show_messages(screen, step.messages, whole=letters)
    for seconds in dict.fromkeys(c.rollback_timer for c in step.changes if c.rollback_timer is not None):
        where = step.on.name if step.on else tr("the host")
        screen.line(
            entry(
                tr("safety"),
                tr(
                    "its undo is scheduled on {where} first, {seconds}; a fresh connection cancels it",
                    where=where,
                    seconds=span(seconds),
                ),
            ),
            "quiet",
        )
    if step.lasts is not None:
        until = datetime.now(UTC) + timedelta(seconds=step.lasts)
        screen.line(
            entry(
                tr("until"),
                tr("{until} ({lasts}), then the host ends it by itself", until=moment(until), lasts=span(step.lasts)),
            )
        )
    for question in step.questions:
        default = tr(", default {default}", default=question.default) if question.default is not None else ""
        screen.line(
            entry(
                tr("asks"),
                tr(
                    "{question} [{expected}{default}]",
                    question=worded(question)[0],
                    expected=question.expected,
                    default=default,
                ),
            )
        )
        for line in said(worded(question)[1]).splitlines():
            screen.line(entry("", line), "quiet")
    for note in step.notes:
        screen.line(entry(tr("note"), note.dated(datetime.now(UTC))), "quiet")


def show_proof_to_come(screen: Screen, step: PlannedStep) -> None:
    """Show the number of checks to come, with vantages."""
    if not step.checks:
        return
    vantages = {vantage.name: None for check in step.checks for vantage in step.vantages(check)}
    blind = sum(not step.vantages(check) for check in step.checks)
    tail = tr("; {blind} from where the inventory has nobody", blind=blind) if blind else ""
    checks = trn("{count} check", "{count} checks", len(step.checks))
    screen.line(
        entry(
            tr("proof"),
            tr(
                "{checks} from {vantages}{tail}",
                checks=checks,
                vantages=", ".join(vantages) or tr("nowhere"),
                tail=tail,
            ),
        )
    )


def show_finished(
    screen: Screen,
    step: PlannedStep,
    finished: StepFinished,
    judged: Sequence[CheckJudged],
    *,
    brief: bool,
    full: bool = True,
) -> None:
    """Show the result of a step; with `brief`, without the changes already shown in the plan."""
    seconds = f"{finished.seconds:.1f} s" if finished.seconds >= 0.05 else ""
    extra = f"{said(word_of(finished.outcome))}  {seconds}".rstrip()
    show_header(screen, step, finished.outcome, finished.outcome, extra)
    if not brief:
        show_body(screen, step, full=full, letters=False)
    show_proof(screen, judged)
    if finished.reason:
        screen.line(entry(reason_label(finished.outcome), finished.reason), _STYLE[finished.outcome])


def show_proof(screen: Screen, judged: Sequence[CheckJudged]) -> None:
    """Show the proof: one line for all checks passed, a line for each check failed or not possible."""
    held = [c for c in judged if c.holds and not c.one_sided]
    if held:
        vantages = ", ".join(dict.fromkeys(c.vantage for c in held))
        told = sum(c.reported_by_target for c in held)
        tail = tr(" ({told} on the target's own word)", told=told) if told else ""
        counted = sum(not c.one_sided for c in judged)
        screen.line(
            entry(
                tr("proof"),
                tr(
                    "{count} of {counted} hold, seen from {vantages}{tail}",
                    count=len(held),
                    counted=counted,
                    vantages=vantages,
                    tail=tail,
                ),
            ),
            "good",
        )
    for check in judged:
        if check.holds and check.one_sided:
            screen.line(
                entry(
                    tr("looked"),
                    tr(
                        "{about}: {seen}, seen from {vantage}",
                        about=check.about,
                        seen=check.seen,
                        vantage=check.vantage,
                    ),
                ),
                "quiet",
            )
    for check in judged:
        if check.holds is False:
            screen.line(
                entry(
                    tr("proof"),
                    tr(
                        "NOT: {about}: {seen}, seen from {vantage}",
                        about=check.about,
                        seen=check.seen,
                        vantage=check.vantage,
                    ),
                ),
                "bad",
            )
    unseen: dict[tuple[str, str], list[CheckJudged]] = {}
    for check in judged:
        if check.holds is None:
            unseen.setdefault((check.vantage, check.seen), []).append(check)
    for (vantage, why), checks in unseen.items():
        what = checks[0].about if len(checks) == 1 else tr("{count} checks", count=len(checks))
        screen.line(
            entry(tr("proof"), tr("not seen from {vantage}: {what}: {why}", vantage=vantage, what=what, why=why)),
            "warn",
        )


def show_gaps(screen: Screen, gaps: Sequence[str]) -> None:
    """Show each gap in coverage once."""
    for gap in dict.fromkeys(gaps):
        screen.line(tr("Not covered: {gap}", gap=gap), "warn")


def moment(at: datetime) -> str:
    """Return a time in the operator's format."""
    return moment_text(at)


def span(seconds: float) -> str:
    """Return a duration in the largest exact unit."""
    whole = round(seconds)
    if whole >= _WEEK and seconds % _WEEK == 0:
        return tr("{count} weeks", count=whole // _WEEK)
    if whole >= _HOUR and seconds % _HOUR == 0:
        return tr("{count} h", count=whole // _HOUR)
    if whole >= _MINUTE and seconds % _MINUTE == 0:
        return tr("{count} min", count=whole // _MINUTE)
    return tr("{count} s", count=whole)


def _show_change(screen: Screen, change: AnyChange, *, full: bool) -> None:
    lines = change.preview()
    match change:
        case PathChange():
            if not full and change.before.kind == "absent" and len(lines) > _LONG:
                rest = len(lines) - _LONG
                lines = [*lines[:_LONG], tr("… {rest} more lines of a new file; --full shows them", rest=rest)]
        case RunCommands() | Activate() | DeviceChange() | AttributesChange() | FreezeChange() | ProviderChange():
            screen.line(f"{INDENT}+ {said(change.describe())}")
        case _:
            assert_never(change)
    screen.lines(lines, indent=INDENT, diff=True)
    screen.line(entry(tr("undo"), change.describe_undo()), "quiet")


def _show_lifting(screen: Screen, undo_request: UndoRequest) -> None:
    """Show an undo, change by change."""
    whose = tr("this run") if undo_request.run == THIS else tr("run {run}", run=undo_request.run)
    screen.line(tr("{indent}+ take back step {step} of {whose}", indent=INDENT, step=undo_request.step, whose=whose))
    for change in undo_request.undo:
        screen.line(f"{INDENT}  {change.host}: {said(change.undo)}")
    if not undo_request.undo:
        screen.line(tr("{indent}  what it will have changed by then", indent=INDENT))


def _show_messages(screen: Screen, messages: Sequence[Message], *, whole: bool) -> None:
    """Show the first of several messages, with text if not yet sent, and the recipients of the others."""
    for message in messages[:1]:
        screen.line(f"{INDENT}+ {said(message.describe())}")
        for line in message.preview() if whole else ():
            screen.line(f"{INDENT}| {line}".rstrip())
        screen.line(entry(tr("undo"), tr("none: what was sent cannot be taken back")), "quiet")
    if len(messages) > 1:
        others = ", ".join(message.to for message in messages[1:_OTHERS])
        more = tr(" and {count} more", count=len(messages) - _OTHERS) if len(messages) > _OTHERS else ""
        screen.line(
            tr("{indent}+ the same, each by itself, to {others}{more}", indent=INDENT, others=others, more=more)
        )


def _reads(step: PlannedStep) -> str:
    if not step.collections or step.outcome != "unchanged":
        return ""
    return tr("would read {collections} items", collections=sum(len(c.artifacts) for c in step.collections))


def counted(changes: Sequence[object]) -> str:
    """Give how many changes are, with the verb."""
    return trn("1 change is", "{count} changes are", len(changes))


def progress_line(step: PlannedStep, progress: Progress) -> str:
    """Say how far a collection has come."""
    host = step.on.name if step.on else step.target.name
    left = ""
    if progress.left is not None:
        minutes, seconds = divmod(round(progress.left), 60)
        left = tr(", about {minutes}:{seconds} left", minutes=minutes, seconds=f"{seconds:02}")
    return tr(
        "{host}: {artifact} ({number}/{of}), {size} MB{left}",
        host=host,
        artifact=progress.artifact,
        number=progress.ended + 1,
        of=progress.of,
        size=f"{progress.bytes / 1e6:.1f}",
        left=left,
    )

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
from stopgap.orchestrator.cli.screen import Screen, columns
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.journal.records import CheckJudged, StepFinished
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.past_runs import THIS
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.task import UndoRequest

if TYPE_CHECKING:
    from stopgap.orchestrator.run.evidence_stream import Progress

_INDENT = " " * 5
_LONG = 40
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
    relations = [f"upstream {', '.join(named)}"] if named else []
    relations += [f"spare {spare.name}"] if spare else []
    screen.line("  ".join(known) + ("   " + "   ".join(relations) if relations else ""))
    screen.line()


def show_plan(screen: Screen, plan: Plan, *, full: bool = True) -> None:
    """Show every step of a plan in full, target by target."""
    target: Host | None = None
    for step in plan.steps:
        if target is None or step.target.name != target.name:
            target = step.target
            show_target(screen, target, step.scene)
        show_header(screen, step, step.outcome.replace("-", " "), step.outcome, _reads(step))
        show_body(screen, step, full=full)
        show_proof_to_come(screen, step)
        if step.reason:
            screen.line(f"{_INDENT}{reason_word(step.outcome)} {step.reason}", _STYLE[step.outcome])
    show_gaps(screen, [gap.text for step in plan.steps for gap in step.gaps])


def show_header(screen: Screen, step: PlannedStep, word: str, outcome: str, extra: str = "") -> None:
    """Show the step's line: number, name, host, outcome."""
    host = step.on.name if step.on else step.target.name
    suffix = step.key.removeprefix(step.step.id).partition("@")[0]
    screen.line(columns(f"{step.number:<2} {step.name}{suffix}", host, extra or word), _STYLE.get(outcome, ""))


def show_body(screen: Screen, step: PlannedStep, *, full: bool = True, letters: bool = True) -> None:
    """Show changes, undo, questions and notes of a step."""
    for change in step.ordered():
        _show_change(screen, change, full=full)
    for undo_request in step.undo_requests:
        _show_lifting(screen, undo_request)
    _show_messages(screen, step.messages, whole=letters)
    for seconds in dict.fromkeys(c.rollback_timer for c in step.changes if c.rollback_timer is not None):
        where = step.on.name if step.on else "the host"
        screen.line(
            f"{_INDENT}safety its undo is scheduled on {where} first, {span(seconds)}; a fresh connection cancels it",
            "quiet",
        )
    if step.lasts is not None:
        until = datetime.now(UTC) + timedelta(seconds=step.lasts)
        screen.line(f"{_INDENT}until  {moment(until)} ({span(step.lasts)}), then the host ends it by itself")
    for question in step.questions:
        default = f", default {question.default}" if question.default is not None else ""
        screen.line(f"{_INDENT}asks   {question.text} [{question.expected}{default}]")
        for line in question.reason.splitlines():
            screen.line(f"{_INDENT}       {line}", "quiet")
    for note in step.notes:
        screen.line(f"{_INDENT}note   {note.dated(datetime.now(UTC))}", "quiet")


def show_proof_to_come(screen: Screen, step: PlannedStep) -> None:
    """Show the number of checks to come, with vantages."""
    if not step.checks:
        return
    vantages = {vantage.name: None for check in step.checks for vantage in step.vantages(check)}
    blind = sum(not step.vantages(check) for check in step.checks)
    tail = f"; {blind} from where the inventory has nobody" if blind else ""
    noun = "check" if len(step.checks) == 1 else "checks"
    screen.line(f"{_INDENT}proof  {len(step.checks)} {noun} from {', '.join(vantages) or 'nowhere'}{tail}")


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
    extra = f"{finished.outcome}  {seconds}".rstrip()
    show_header(screen, step, finished.outcome, finished.outcome, extra)
    if not brief:
        show_body(screen, step, full=full, letters=False)
    show_proof(screen, judged)
    if finished.reason:
        screen.line(f"{_INDENT}{reason_word(finished.outcome)} {finished.reason}", _STYLE[finished.outcome])


def show_proof(screen: Screen, judged: Sequence[CheckJudged]) -> None:
    """Show the proof: one line for all checks passed, a line for each check failed or not possible."""
    held = [c for c in judged if c.holds and not c.one_sided]
    if held:
        vantages = ", ".join(dict.fromkeys(c.vantage for c in held))
        told = sum(c.reported_by_target for c in held)
        tail = f" ({told} on the target's own word)" if told else ""
        counted = sum(not c.one_sided for c in judged)
        screen.line(f"{_INDENT}proof  {len(held)} of {counted} hold, seen from {vantages}{tail}", "good")
    for check in judged:
        if check.holds and check.one_sided:
            screen.line(f"{_INDENT}looked {check.about}: {check.seen}, seen from {check.vantage}", "quiet")
    for check in judged:
        if check.holds is False:
            screen.line(f"{_INDENT}proof  NOT: {check.about}: {check.seen}, seen from {check.vantage}", "bad")
    unseen: dict[tuple[str, str], list[CheckJudged]] = {}
    for check in judged:
        if check.holds is None:
            unseen.setdefault((check.vantage, check.seen), []).append(check)
    for (vantage, why), checks in unseen.items():
        what = checks[0].about if len(checks) == 1 else f"{len(checks)} checks"
        screen.line(f"{_INDENT}proof  not seen from {vantage}: {what}: {why}", "warn")


def show_gaps(screen: Screen, gaps: Sequence[str]) -> None:
    """Show each gap in coverage once."""
    for gap in dict.fromkeys(gaps):
        screen.line(f"Not covered: {gap}", "warn")


def moment(at: datetime) -> str:
    """Return a time in the operator's format."""
    return f"{at.astimezone(UTC):%a %d %b %H:%M} UTC"


def span(seconds: float) -> str:
    """Return a duration in the largest exact unit."""
    for unit, name in ((86400 * 7, "weeks"), (3600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def _show_change(screen: Screen, change: AnyChange, *, full: bool) -> None:
    lines = change.preview()
    match change:
        case PathChange():
            if not full and change.before.kind == "absent" and len(lines) > _LONG:
                rest = len(lines) - _LONG
                lines = [*lines[:_LONG], f"… {rest} more lines of a new file; --full shows them"]
        case RunCommands() | Activate() | DeviceChange() | AttributesChange() | FreezeChange() | ProviderChange():
            screen.line(f"{_INDENT}+ {change.describe()}")
        case _:
            assert_never(change)
    screen.lines(lines, indent=_INDENT, diff=True)
    screen.line(f"{_INDENT}undo   {change.describe_undo()}", "quiet")


def _show_lifting(screen: Screen, undo_request: UndoRequest) -> None:
    """Show an undo, change by change."""
    whose = "this run" if undo_request.run == THIS else f"run {undo_request.run}"
    screen.line(f"{_INDENT}+ take back step {undo_request.step} of {whose}")
    for change in undo_request.undo:
        screen.line(f"{_INDENT}  {change.host}: {change.undo}")
    if not undo_request.undo:
        screen.line(f"{_INDENT}  what it will have changed by then")


def _show_messages(screen: Screen, messages: Sequence[Message], *, whole: bool) -> None:
    """Show the first of several messages, with text if not yet sent, and the recipients of the others."""
    for message in messages[:1]:
        screen.line(f"{_INDENT}+ {message.describe()}")
        for line in message.preview() if whole else ():
            screen.line(f"{_INDENT}| {line}".rstrip())
        screen.line(f"{_INDENT}undo   none: what was sent cannot be taken back", "quiet")
    if len(messages) > 1:
        others = ", ".join(message.to for message in messages[1:_OTHERS])
        more = f" and {len(messages) - _OTHERS} more" if len(messages) > _OTHERS else ""
        screen.line(f"{_INDENT}+ the same, each by itself, to {others}{more}")


def _reads(step: PlannedStep) -> str:
    if not step.collections or step.outcome != "unchanged":
        return ""
    return f"would read {sum(len(c.artifacts) for c in step.collections)} items"


def counted(changes: Sequence[object]) -> str:
    """Give how many changes are, with the verb."""
    return "1 change is" if len(changes) == 1 else f"{len(changes)} changes are"


def reason_word(outcome: str) -> str:
    """Return the label before a step's reason."""
    return {"skipped": "why   ", "refused": "no    ", "unchanged": "read  ", "changed": "done  "}.get(
        outcome, "error "
    )


def progress_line(step: PlannedStep, progress: Progress) -> str:
    """Say how far a collection has come."""
    host = step.on.name if step.on else step.target.name
    left = ""
    if progress.left is not None:
        minutes, seconds = divmod(round(progress.left), 60)
        left = f", about {minutes}:{seconds:02} left"
    return f"{host}: {progress.artifact} ({progress.ended + 1}/{progress.of}), {progress.bytes / 1e6:.1f} MB{left}"

"""How a run ended: outcome, what is in force, how to go on or undo, and where the report lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.outcome import RESUMED, RunOutcome, word_of
from stopgap.orchestrator.text import joined, tr

if TYPE_CHECKING:
    from stopgap.orchestrator.cli.run_options import RunOptions
    from stopgap.orchestrator.run.result import RunResult


def show_result(result: RunResult, options: RunOptions, messages: screens.Screen, *, dry_run: bool = False) -> int:
    """Show the result of a run; return the exit code."""
    if result.waits:
        messages.line(tr("{waits}. Nothing was changed.", waits=result.refusal), "warn")
    elif result.refusal:
        messages.line(tr("Refused: {refusal}. Nothing was changed.", refusal=result.refusal), "bad")
    elif not dry_run and not options.json:
        _show_conclusion(screens.out(), result)
    tell_unwritten(result.unreported, result.unsigned, result.displaced, result.apart)
    if result.run and not dry_run:
        _store_evidence(screens.err() if options.json else screens.out(), result.run)
    return result.exit_code or int(bool(result.unreported or result.unsigned or result.displaced))


def _store_evidence(screen: screens.Screen, run: str) -> None:
    from stopgap.orchestrator.journal import state_home
    from stopgap.orchestrator.journal.evidence_waiting import not_stored

    if not_stored(state_home()):
        from stopgap.orchestrator.cli.evidence_store import store_evidence

        try:
            store_evidence(screen, run)
        except KeyboardInterrupt:  # the run itself has ended as it was told
            screen.line(tr("Evidence that is not in the store yet waits: stopgap evidence store"), "warn")


def _show_conclusion(screen: screens.Screen, conclusion: RunResult) -> None:
    """Show the outcome, the changes in force, the undo command, and the path of the report."""
    from stopgap.orchestrator.cli.findings import show_findings_made
    from stopgap.orchestrator.cli.steps import moment, show_gaps
    from stopgap.orchestrator.cli.verdicts import show_containment

    counts: dict[str, int] = {}
    for _, outcome, _ in conclusion.steps:
        counts[outcome] = counts.get(outcome, 0) + 1
    screen.line()
    show_gaps(screen, [gap.text for step, _, _ in conclusion.steps for gap in step.gaps])
    show_containment(screen, conclusion.containment)
    for text in conclusion.broken:
        screen.line(tr("No longer so at the end of the run: {text}", text=text), "bad")
    show_findings_made(screen, conclusion.findings, conclusion.run or "last")
    if conclusion.approval:
        from stopgap.orchestrator.cli.approvals import show_approvals
        from stopgap.reading import history as read_history

        show_approvals(screen, read_history(conclusion.run or "last"))
    steps = joined(", ", (tr("{count} {outcome}", count=n, outcome=word_of(word)) for word, n in counts.items()))
    screen.line(
        tr("Run {run}: {outcome} ({steps}).", run=conclusion.run, outcome=word_of(conclusion.outcome), steps=steps),
        "title",
    )
    if conclusion.standing:
        ends = [change.ends for change in conclusion.standing if change.ends]
        until = tr("until {ends}, or until undone", ends=moment(min(ends))) if ends else tr("until it is undone")
        screen.line(tr("In force {until}; `stopgap status` lists it.", until=until))
    if conclusion.run and (
        conclusion.outcome == RunOutcome.REFUSED or any(s.undo_requests for s, _, _ in conclusion.steps)
    ):
        from stopgap.orchestrator.cli.recover import show_standing
        from stopgap.orchestrator.cli.verdicts import show_open_hosts
        from stopgap.reading import left_open, standing

        targets = {step.target.name for step, _, _ in conclusion.steps}
        show_open_hosts(screen, left_open(targets))
        for host in standing(targets):
            if host.phase == "back":
                show_standing(screen, host)
    if conclusion.outcome in RESUMED:
        screen.line(tr("Go on:  stopgap resume {run}", run=conclusion.run))
    if conclusion.undoable:
        screen.line(tr("Undo:   stopgap undo {run}", run=conclusion.run))
    if conclusion.report:
        screen.line(tr("Report: {report}", report=conclusion.report))


def tell_unwritten(unreported: str, unsigned: str, displaced: str = "", apart: str = "") -> None:
    """Print the reasons for an unwritten report, a missing signature, or records outside the journal."""
    if apart:
        screens.err().line(apart, "warn")
    if displaced:
        screens.err().line(displaced, "bad")
    if unreported:
        screens.err().line(
            tr("The report was not written: {unreported}; `stopgap report` makes it again", unreported=unreported),
            "bad",
        )
    if unsigned:
        screens.err().line(tr("Journal and evidence are not signed: {unsigned}", unsigned=unsigned), "bad")

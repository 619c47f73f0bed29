"""undo: undo of a run's changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.conclusion import tell_unwritten
from stopgap.orchestrator.cli.damage import damage_refused, show_damage
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.cli.screen import Screen, said
from stopgap.orchestrator.cli.steps import counted
from stopgap.orchestrator.cli.terminal import Terminal, stoppable
from stopgap.orchestrator.cli.undo_at_sites import undo_at_sites, went_to_sites
from stopgap.orchestrator.cli.words import own_name
from stopgap.orchestrator.journal import ChangeStatus, DamagedRunError, History
from stopgap.orchestrator.journal.failure import UntrustedRunError
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.run.undo_run import UndoRequested, UndoResult
from stopgap.orchestrator.text import tr
from stopgap.undoing import undo as undo_run


@dataclass(frozen=True)
class UndoOptions:
    """The options of `stopgap undo`."""

    run: str
    step: str | None = None
    yes: bool = False
    force: bool = False
    anyway: bool = False
    take_over: bool = False
    sign_key: Path | None = None
    here: bool = False
    """From this machine, also a run that was carried out at a site."""
    json: bool = False


def undo(options: UndoOptions) -> int:
    """Undo a run, or one step of a run, in reverse order; a run of a site at its site."""
    if not options.here and went_to_sites(options.run):
        wanted = UndoRequested(options.step, options.force, options.anyway, options.take_over, options.sign_key)
        return undo_at_sites(options.run, wanted, yes=options.yes, as_json=options.json)
    screen = screens.err() if options.json else screens.out()
    person = _Operator(screen, yes=options.yes)
    try:
        with stoppable(person.interruption, screens.err()):
            result = undo_run(
                options.run,
                step=options.step,
                force=options.force,
                on_event=print_line if options.json else None,
                person=person,
                sign_key=options.sign_key,
                anyway=options.anyway,
                take_over=options.take_over,
                interruption=person.interruption,
                on_undelivered=lambda line: screens.err().line(line, "warn"),
            )
    except UntrustedRunError as error:
        raise damage_refused(error, anyway=options.anyway) from None
    if result.refusal:
        screens.err().line(tr("Interrupted: {refusal}.", refusal=result.refusal), "warn")
        return result.exit_code
    if not result.changes:
        _show_nothing(screen, result)
        return result.exit_code
    _show(screen, result)
    tell_unwritten(result.unreported, result.unsigned, result.displaced, result.apart)
    return result.exit_code


class _Operator(Terminal):
    """The person at the terminal; the changes are listed before the question."""

    def __init__(self, screen: Screen, *, yes: bool) -> None:
        super().__init__(screens.err(), yes=yes)
        self._shown_on = screen

    def agrees_to_undo(self, history: History, changes: Sequence[ChangeStatus]) -> bool | None:
        """List the changes, and ask."""
        show_damage(screens.err(), history.run, (*history.damage, *history.unsigned))
        self._shown_on.line(
            tr(
                "Undo of run {run}: {runbook_name}",
                run=history.run,
                runbook_name=own_name(history),
            ),
            "title",
        )
        for change in changes:
            self._shown_on.line(f"  {change.host:<11} {said(change.change.describe_undo())}")
        return super().agrees_to_undo(history, changes)


def _show(screen: Screen, result: UndoResult) -> None:
    for made in result.made:
        if made.outcome != "undone":
            screen.line(
                tr(
                    "  {step} on {target}: {outcome}: {reason}",
                    step=made.step,
                    target=made.target,
                    outcome=word_of(made.outcome),
                    reason=made.reason,
                ),
                "bad",
            )
            if made.outcome == "drifted":
                screen.line(tr("    left as it is; look at it, then add --force to overwrite it"))
    for host, reason in result.unreachable.items():
        screen.line(tr("  {host}: unreachable: {reason}", host=host, reason=reason), "bad")
    left = len(result.in_force)
    tail = tr("{left} still in force", left=left) if left else tr("nothing of this run is in force any more")
    screen.line(tr("{undone} undone; {tail}.", undone=result.undone, tail=tail), "warn" if left else "good")
    if result.unreachable:
        again = f"stopgap undo {result.run}"
        screen.line(
            tr(
                "Once {unreachable} can be reached, take back the rest: {again}",
                unreachable=", ".join(result.unreachable),
                again=again,
            ),
            "warn",
        )


def _show_nothing(screen: Screen, result: UndoResult) -> None:
    """Show that nothing can be taken back, what is in force all the same, and other runs with changes in force."""
    if result.in_force:
        screen.line(tr("There is nothing in run {run} that Stopgap knows how to undo.", run=result.run), "warn")
        for change in result.in_force:
            about = change.change.describe()
            screen.line(
                tr("  {host} {about}: still in force; nobody knows its undo", host=f"{change.host:<11}", about=about),
                "bad",
            )
    else:
        screen.line(tr("There is nothing to undo in run {run}.", run=result.run))
    with open_journal_to_read() as journal:
        for other in journal.runs():
            if other.id == result.run:
                continue
            try:
                left = journal.history(other.id).in_force()
            except DamagedRunError as error:
                show_damage(screen, error.run, error.problems)
                continue
            if left:
                screen.line(
                    tr(
                        "Of run {id} ({runbook}) {left} in force: stopgap undo {id}",
                        id=other.id,
                        runbook=other.runbook,
                        left=counted(left),
                    )
                )

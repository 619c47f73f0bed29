"""approve: another person looks at a plan, and signs its digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal
from stopgap.orchestrator.cli.screen import Screen, columns, said
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.cli.terminal import Terminal
from stopgap.orchestrator.cli.words import INDENT, entry
from stopgap.orchestrator.documents.approval import approval_document
from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.run.approval import (
    StepToApprove,
    ToApprove,
    approve,
    needed_roles,
    plan_to_approve,
    run_to_approve,
)
from stopgap.orchestrator.text import tr, trn


@dataclass(frozen=True)
class ApproveOptions:
    """The options of `stopgap approve`."""

    what: str
    """A run, or a file that --save-plan wrote."""
    yes: bool = False
    json: bool = False


def approval(options: ApproveOptions) -> int:
    """Show what a run or a plan would do, ask, and record the approval; return the exit code."""
    roles = needed_roles()
    screen = screens.err() if options.json else screens.out()
    with open_journal() as journal:
        path = Path(options.what)
        history: History | None = None
        if path.is_file():
            wanted = plan_to_approve(path, roles)
        else:
            history = journal.history(journal.resolve(options.what))
            wanted = run_to_approve(history, roles)
        show_to_approve(screen, wanted)
        agreed = Terminal(screens.err(), yes=options.yes).confirms(tr("Approve it?"))
        if not agreed:
            why = tr("nobody is there to ask; add --yes") if agreed is None else tr("not approved")
            raise RefusedError(why)
        record = approve(journal, wanted, history, roles)
        if history is not None:
            history = journal.history(history.run)
    lacking = history.approvals_lacking if history else None
    if options.json:
        print_document(approval_document(wanted.run, wanted.digest, record, lacking))
        return 0
    screen.line(tr("Approved by {person}: plan {digest}.", person=record.person, digest=wanted.digest[:8]), "good")
    if history is None:
        until = moment(datetime.now(UTC) + roles.approvals_last)
        screen.line(
            tr("It is good for one run, until {until}: stopgap run … --plan {file}", until=until, file=options.what)
        )
    elif lacking:
        screen.line(trn("1 approval is still lacking.", "{count} approvals are still lacking.", lacking), "warn")
    elif not wanted.emergency:
        screen.line(tr("Go on:  stopgap resume {run}", run=wanted.run))
    return 0


def show_to_approve(screen: Screen, wanted: ToApprove) -> None:
    """Show what a plan does: its steps, each change with its undo, and the addresses of the hosts."""
    screen.line(columns(wanted.runbook, tr("plan {digest}", digest=wanted.digest[:8])), "title")
    if wanted.run:
        screen.line(tr("run {run}, begun by {person}", run=wanted.run, person=wanted.begun_by))
    if wanted.emergency:
        screen.line(tr("It went first, in an emergency: {reason}", reason=wanted.emergency), "warn")
    if not wanted.subject.runbook:
        screen.line(tr("This runbook is none that the roles know: read its steps."), "warn")
    for host in dict.fromkeys(name for step in wanted.steps for name in (step.target, step.host) if name):
        screen.line(f"{host}  {wanted.addresses.get(host, '')}".rstrip())
    for step in wanted.steps:
        _show_step(screen, step)


def _show_step(screen: Screen, step: StepToApprove) -> None:
    screen.line(columns(f"{step.key} ({step.target})", step.host or "", said(word_of(step.outcome))))
    for change in step.changes:
        screen.line(f"{INDENT}+ {said(change.describe())}")
        screen.lines(change.preview(), indent=INDENT, diff=True)
        screen.line(entry(tr("undo"), change.describe_undo()), "quiet")
    if step.collected:
        screen.line(entry(tr("reads"), trn("1 item", "{count} items", step.collected)))
    if step.undone:
        screen.line(entry(tr("undo"), trn("1 change", "{count} changes", step.undone)))
    for question in step.asked:
        screen.line(entry(tr("asks"), question))
    for recipient in step.sent:
        screen.line(entry(tr("sends"), tr("a message to {recipient}", recipient=recipient)))

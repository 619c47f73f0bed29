"""show, verify: commands on a run's records."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.approvals import show_approvals
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.findings import show_findings_made
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.cli.screen import columns, padded, said, width_of
from stopgap.orchestrator.cli.steps import counted, moment, show_gaps, show_proof
from stopgap.orchestrator.cli.whole import show_whole
from stopgap.orchestrator.cli.words import entry, own_name, reason_label, worded
from stopgap.orchestrator.documents.run import run_document, verification_document
from stopgap.orchestrator.documents.whole import whole_object
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.outcome import FAILURES, RESUMED, word_of
from stopgap.orchestrator.run.whole import Whole, whole_of
from stopgap.orchestrator.sinks.backlog import Undelivered, undelivered, undelivered_object
from stopgap.orchestrator.text import tr, trn
from stopgap.reading import history as read_history
from stopgap.reading import verify as verified


@dataclass(frozen=True)
class ShowOptions:
    """The options of `stopgap show`."""

    run: str
    json: bool = False


@dataclass(frozen=True)
class VerifyOptions:
    """The options of `stopgap verify`."""

    what: str
    """A run, a folder, a manifest or an archive."""
    signers: Path | None = None
    tsa_ca: Path | None = None
    json: bool = False


def _undelivered(run: str) -> list[Undelivered]:
    with open_journal_to_read() as journal:
        return undelivered(journal.home, journal.heads_here(), run)


def _whole(history: History) -> Whole | None:
    """Return the order that a run is a part of; None for a run on its own."""
    if len(history.parts) < 2:
        return None
    with open_journal_to_read() as journal:
        return whole_of(journal, history.run)


def show(options: ShowOptions) -> int:
    """Show a run, step by step."""
    from stopgap.orchestrator.cli.verdicts import show_past_verdicts

    history = read_history(options.run)
    left = _undelivered(history.run)
    whole = _whole(history)
    if options.json:
        told = whole_object(whole.exit_code, whole.runs) if whole else None
        undelivered_ones = [undelivered_object(each) for each in left]
        print_document({**run_document(history), "whole": told, "undelivered": undelivered_ones})
        return int(bool(history.damage or history.unsigned))
    screen = screens.out()
    damaged = show_damage(screen, history.run, (*history.damage, *history.unsigned))
    state = word_of(history.state)
    screen.line(columns(own_name(history), state, widths=(width_of(state),)), "title")
    screen.line(
        tr(
            "run {run}  by {operator}  from {started_at}",
            run=history.run,
            operator=history.started.operator,
            started_at=moment(history.started_at),
        )
    )
    if history.plan:
        screen.line(
            tr(
                "plan {digest}: {changes} changes on {hosts} hosts",
                digest=history.plan.digest[:8],
                changes=history.plan.changes,
                hosts=history.plan.hosts,
            )
        )
    show_approvals(screen, history)
    if whole:
        show_whole(screen, whole)
    for plugin in history.started.plugins:
        screen.line(f"plug-in  {plugin.kind} {plugin.name} ({plugin.origin})  sha256 {plugin.sha256[:12]}", "quiet")
    screen.line()
    for step in history.steps:
        seconds = f"  {step.seconds:.1f} s" if step.seconds >= 0.05 else ""
        outcome = step.outcome or ("running" if history.state == "running" else "interrupted")
        style = "bad" if outcome in FAILURES | {"interrupted"} else ""
        screen.line(
            columns(
                f"{own_name(history, step.name)} ({step.target})", step.host, f"{said(word_of(outcome))}{seconds}"
            ),
            style,
        )
        for change in history.changes:
            if (change.step, change.target) == (step.step, step.target):
                why = f": {said(change.reason)}" if change.reason else ""
                state = padded(word_of(change.state), 12)
                screen.line(f"     {state} {said(change.change.describe())}{why}")
        show_proof(screen, [c for c in history.checks if (c.step, c.target) == (step.step, step.target)])
        for message in history.messages:
            if (message.step, message.target) == (step.step, step.target):
                mark = "bad" if message.state != "sent" else ""
                screen.line(
                    tr(
                        "     {state} {about} to {to}: {detail}",
                        state=padded(word_of(message.state), 12),
                        about=message.about,
                        to=message.to,
                        detail=message.detail,
                    ),
                    mark,
                )
        if step.reason:
            screen.line(entry(reason_label(outcome), step.reason), style)
    for asked in history.waiting if history.state == "running" else ():
        screen.line(
            tr(
                "asks      {question}: stopgap answer {run} {step} VALUE",
                question=worded(asked.question)[0],
                run=history.run,
                step=asked.step,
            ),
            "warn",
        )
    for kept in history.evidence:
        screen.line(
            tr(
                "evidence  {host}: {items} items, {size} MB in {folder}",
                host=kept.host,
                items=kept.items,
                size=f"{kept.size / 1e6:.1f}",
                folder=kept.folder,
            )
        )
    show_findings_made(screen, history.findings_now(), history.run)
    screen.line()
    show_gaps(screen, [gap for step in history.steps for gap in step.gaps])
    show_past_verdicts(screen, history.containment, history.state)
    for each in left:
        screen.line(each.text(), "warn")
    _say_what_to_do(screen, history)
    return int(damaged)


def verify(options: VerifyOptions) -> int:
    """Check a run's journal and evidence, or a folder or an archive of evidence alone."""
    if not Path(options.what).exists():
        _fetch_missing(options.what)
    found = verified(options.what, signers=options.signers, tsa_ca=options.tsa_ca)
    if options.json:
        print_document(verification_document(found.what, found.run, found.problems))
        return found.exit_code
    screen = screens.out()
    for problem in found.problems:
        screen.line(problem, "bad")
    if count := len(found.problems):
        screen.line(trn("{what}: {count} problem.", "{what}: {count} problems.", count, what=found.what), "bad")
    else:
        screen.line(tr("{what}: as it was recorded.", what=found.what), "good")
    return found.exit_code


def _fetch_missing(what: str) -> None:
    """Fetch what another machine has of a run's evidence; a name that is no run is left to whoever verifies."""
    from stopgap.orchestrator.cli.evidence_store import fetch_missing
    from stopgap.orchestrator.journal import UnknownRunError

    with suppress(UnknownRunError):
        fetch_missing(what)


def _say_what_to_do(screen: screens.Screen, history: History) -> None:
    standing = history.in_force()
    if history.state == "waiting":
        screen.line(tr("Nothing is done before it is approved. Then: stopgap resume {run}", run=history.run))
    elif history.state == "interrupted":
        screen.line(tr("It did not finish. Go on: stopgap resume {run}", run=history.run))
    elif history.state in RESUMED:
        screen.line(tr("Not everything was done. Try the rest again: stopgap resume {run}", run=history.run))
    if standing:
        screen.line(tr("{standing} in force. Undo: stopgap undo {run}", standing=counted(standing), run=history.run))
    else:
        screen.line(tr("Nothing of it is in force."))

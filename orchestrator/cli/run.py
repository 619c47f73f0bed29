"""run, resume: carry a runbook out."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.cli.run_options import RunOptions, RunRequested
from stopgap.orchestrator.cli.words import named, own_name
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.outcome import RESUMED, ExitCode, RunOutcome, word_of
from stopgap.orchestrator.runbook import bind, prepare, reveal_secrets
from stopgap.orchestrator.runbook.confidential import passphrase_commands
from stopgap.orchestrator.runbook.finding import runbook_file
from stopgap.orchestrator.source import Located, read
from stopgap.orchestrator.text import joined, tr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stopgap.orchestrator.cli.live_view import LiveView
    from stopgap.orchestrator.cli.terminal import Terminal
    from stopgap.orchestrator.journal import History
    from stopgap.orchestrator.journal.incidents import Incident
    from stopgap.orchestrator.request.verification import RequestUse
    from stopgap.orchestrator.run.connection_pool import Connect
    from stopgap.orchestrator.run.events import EventObserver
    from stopgap.orchestrator.run.order import Order
    from stopgap.orchestrator.run.recorder import Observer
    from stopgap.orchestrator.run.result import RunResult
    from stopgap.orchestrator.run.runner import Runner


@dataclass(frozen=True)
class RunCommand:
    """The options of `stopgap run`."""

    requested: RunRequested
    options: RunOptions


@dataclass(frozen=True)
class ResumeCommand:
    """The options of `stopgap resume`."""

    run: str
    options: RunOptions
    again_from: str | None = None
    """Id of the step to go back to."""
    at_site: bool = False
    """By a runner at the run's site."""


def run(command: RunCommand) -> int:
    """Run a runbook, or preview a runbook; with `--request`, on a customer's signed request."""
    return carry_out(command.requested, command.options)


def carry_out(wanted: RunRequested, options: RunOptions) -> int:
    """Run or preview a runbook, and show the events; return the exit code."""
    if not wanted.request:
        return _run(wanted, options)
    from stopgap.orchestrator.cli.request import followed

    with followed(wanted, wanted.request) as (allowed, request_use):
        return _run(allowed, options, request_use)


def _run(wanted: RunRequested, options: RunOptions, request_use: RequestUse | None = None) -> int:
    from stopgap.orchestrator.remote import ConnectAhead

    order = _order(wanted)
    if wanted.site and not wanted.dry_run:
        from stopgap.orchestrator.cli.runner import order_elsewhere

        return order_elsewhere(order, wanted.site, options.emergency, as_json=options.json)
    agreed = _agreed(wanted.plan)
    if not wanted.dry_run:
        _admit(order, options)
    with ConnectAhead(order.inventory.hosts) as connect:
        connect.begin([*order.acting(), *(() if wanted.dry_run else order.targets)])
        return carry_out_order(order, wanted, options, connect, request_use=request_use, agreed=agreed)


def _admit(order: Order, options: RunOptions) -> None:
    """Raise ActRefused, before anything is contacted, where roles do not permit the run."""
    from stopgap.orchestrator.run.gate import gate_here

    gate_here().admit(order, options.emergency)


def carry_out_order(
    order: Order,
    wanted: RunRequested,
    options: RunOptions,
    connect: Connect,
    *,
    request_use: RequestUse | None = None,
    agreed: str | None = None,
) -> int:
    """Run or preview an order that is complete, and show the events; return the exit code.

    `wanted`: says whether to preview, and where to save the plan. `agreed`: the digest of a plan agreed to before.
    """
    from stopgap.orchestrator.cli.observers import Lines
    from stopgap.orchestrator.cli.terminal import Terminal, stoppable
    from stopgap.orchestrator.run.events import EventObserver
    from stopgap.orchestrator.run.sinks import SinkEvents

    live_view = None if wanted.dry_run else _live_view(options)
    messages = live_view.messages if live_view else screens.err()
    person = Terminal(messages, yes=options.yes, wait=options.wait)
    events = EventObserver(print_line) if options.json else None
    lines = Lines(
        live_view.out if live_view else messages if options.json else screens.out(),
        named(order.runbook.name, order.runbook.name_ja),
        asks=person.asks and not wanted.dry_run,
        full=options.full,
    )
    observers: list[Observer] = [events] if events else [live_view, lines] if live_view else [lines]
    sinks = SinkEvents(lambda line: messages.line(line, "warn"))
    runner = _runner(person, observers if wanted.dry_run else [*observers, sinks], options, connect)
    with (
        nullcontext() if wanted.dry_run else sinks,
        stoppable(runner.interruption, messages),
        live_view.showing() if live_view else nullcontext(),
    ):
        if wanted.dry_run:
            result = runner.preview(order)
            if agreed is not None and agreed != result.plan.digest:
                messages.line(
                    tr(
                        "The plan has drifted: saved {agreed}, now {digest}.",
                        agreed=agreed[:8],
                        digest=result.plan.digest[:8],
                    ),
                    "bad",
                )
        else:
            if request_use:
                request_use.unused = False
            result = runner.run(order, agreed_digest=agreed)
            if request_use:
                request_use.unused = result.run is None
    if wanted.save_plan:
        from stopgap.orchestrator.plan.saved import save_plan
        from stopgap.orchestrator.run.plan_origin import origin_of

        names = [target.name for target in order.targets]
        save_plan(wanted.save_plan, result.plan, order.runbook.name, names, origin_of(order))
    if events:
        events.finished(result)
    return _ended(result, options, messages, dry_run=wanted.dry_run)


def resume(command: ResumeCommand) -> int:
    """Resume an unfinished run."""
    from stopgap.orchestrator.cli.damage import damage_refused, show_damage
    from stopgap.orchestrator.cli.observers import Lines
    from stopgap.orchestrator.cli.terminal import Terminal, stoppable
    from stopgap.orchestrator.cli.trust import asked
    from stopgap.orchestrator.journal import DamagedRunError
    from stopgap.orchestrator.run.consent import asking
    from stopgap.orchestrator.run.events import EventObserver
    from stopgap.orchestrator.run.resume_run import resume_run
    from stopgap.orchestrator.run.sinks import SinkEvents
    from stopgap.reading import history as read_history

    options = command.options
    if command.again_from is not None:
        _go_back(command.run, command.again_from)
    if command.at_site:
        from stopgap.orchestrator.cli.runner import resume_elsewhere

        return resume_elsewhere(command.run, as_json=options.json)
    if options.detach:
        from stopgap.orchestrator.cli.detach import go_on_apart

        return go_on_apart(command.run, _detached_words(options))
    live_view = _live_view(options)
    messages = live_view.messages if live_view else screens.err()
    person = Terminal(messages, yes=options.yes, wait=options.wait)
    events = EventObserver(print_line) if options.json else None
    try:
        history = read_history(command.run)
        doubts = (*history.damage, *history.unsigned)
        finished = history.finished is not None and history.finished.exit_code == ExitCode.OK
        if finished and not doubts:
            return _tell_finished(history, events)
        if options.anyway:
            show_damage(messages, history.run, doubts)
        lines = Lines(
            live_view.out if live_view else screens.out(),
            own_name(history),
            asks=person.asks,
        )
        observers: list[Observer] = [events] if events else [live_view, lines] if live_view else [lines]
        sinks = SinkEvents(lambda line: messages.line(line, "warn"))
        with (
            sinks,
            stoppable(person.interruption, messages),
            live_view.showing() if live_view else nullcontext(),
        ):
            result = resume_run(
                history.run,
                lambda connect: _runner(person, [*observers, sinks], options, connect),
                anyway=options.anyway,
                permit=asking(asked(messages)),
            )
    except DamagedRunError as error:
        raise damage_refused(error, anyway=options.anyway) from None
    if finished:
        return _tell_finished(history, events)
    if events:
        events.finished(result)
    return _ended(result, options, messages)


def _go_back(name: str, step: str) -> None:
    from stopgap.orchestrator.cli.journals import open_journal
    from stopgap.orchestrator.run.gate import gate_here
    from stopgap.orchestrator.run.person import operator
    from stopgap.orchestrator.run.step_back import step_back
    from stopgap.orchestrator.run.trust import trusted

    with open_journal() as journal:
        history = trusted(journal, journal.resolve(name))
        gate_here().go_on(journal, history)
        again = step_back(journal, history, step, operator())
    screens.err().line(tr("Again: {steps}.", steps=", ".join(again)))


def _detached_words(options: RunOptions) -> list[str]:
    """Return the options of a run that goes on in the background."""
    words = ["--yes" if options.yes else "--wait"]
    words += [word for word, given in (("--take-over", options.take_over), ("--anyway", options.anyway)) if given]
    words += ["--sign-key", str(options.sign_key)] if options.sign_key else []
    return words + [word for key in options.recipients for word in ("--age", key)]


def _tell_finished(history: History, events: EventObserver | None) -> int:
    if events:
        events.ended(history)
    else:
        screens.out().line(tr("Run {run} is finished; there is nothing to resume.", run=history.run))
    return ExitCode.OK


def _ended(result: RunResult, options: RunOptions, messages: screens.Screen, *, dry_run: bool = False) -> int:
    """Show the result of a run; return the exit code."""
    if result.waits:
        messages.line(tr("{waits}. Nothing was changed.", waits=result.refusal), "warn")
    elif result.refusal:
        messages.line(tr("Refused: {refusal}. Nothing was changed.", refusal=result.refusal), "bad")
    elif not dry_run and not options.json:
        show_conclusion(screens.out(), result)
    tell_unwritten(result.unreported, result.unsigned, result.displaced, result.apart)
    return result.exit_code or int(bool(result.unreported or result.unsigned or result.displaced))


def show_conclusion(screen: screens.Screen, conclusion: RunResult) -> None:
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


def _order(wanted: RunRequested) -> Order:
    from stopgap.orchestrator.cli.trust import asked, typed
    from stopgap.orchestrator.run.consent import asking, keep
    from stopgap.orchestrator.run.order import order_here
    from stopgap.orchestrator.secret.agreement import agree

    source = wanted.runbook if isinstance(wanted.runbook, Located) else runbook_file(wanted.runbook)
    incident = _incident(wanted.incident)
    given = {**_from_incident(incident, source), **wanted.params}
    runbook, inventory, targets = prepare(
        source, wanted.inventories, wanted.targets, given, complete=True, limit=wanted.limit
    )
    if not targets:
        names = shortened([*inventory.hosts, *inventory.groups])
        raise UsageError(tr("which host? Name it with -t; {path} knows {names}", path=inventory.path, names=names))
    params = bind(runbook, inventory, targets, given)
    if commands := typed(runbook, wanted.typed):
        agree(command.reference for command in commands)
        if not wanted.dry_run:
            keep(commands)  # so that `resume` may run them too
    reveal_secrets(runbook, inventory, targets, params, asking(asked(screens.err())))
    if not wanted.dry_run and (passphrases := passphrase_commands(inventory, targets)):
        keep(passphrases)  # `resume` has one text of several inventories
    return order_here(runbook, inventory, targets, params, incident.name if incident else None)


def _from_incident(incident: Incident | None, source: Located | Path) -> dict[str, str]:
    """Return the incident's details for the parameters of the runbook with the same names."""
    if incident is None:
        return {}
    data = (read(source) if isinstance(source, Path) else source).data
    declared = data.get("params") if isinstance(data, dict) else None
    if not isinstance(declared, dict):
        return {}
    known = {"incident": incident.name, **incident.details.as_parameters()}
    return {name: value for name, value in known.items() if name in declared}


def _incident(name: str | None) -> Incident | None:
    """Return an existing incident; raises JournalError for an unknown name."""
    if name is None:
        return None
    from stopgap.orchestrator.cli.journals import open_journal
    from stopgap.orchestrator.journal.incidents import find_incident

    with open_journal() as journal:
        return find_incident(journal, name)


def _agreed(path: Path | None) -> str | None:
    """Return the digest of a saved plan."""
    if path is None:
        return None
    from stopgap.orchestrator.plan.saved import saved_digest

    return saved_digest(path)


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


def _live_view(options: RunOptions) -> LiveView | None:
    """Return the requested live view; None without a terminal."""
    if not options.watch:
        return None
    from stopgap.orchestrator.cli.journals import open_journal
    from stopgap.orchestrator.cli.live_view import LiveView

    live_view = LiveView(open_journal)
    return live_view if live_view.possible else None


def _runner(person: Terminal, observers: Sequence[Observer], options: RunOptions, connect: Connect) -> Runner:
    from stopgap.orchestrator.run.here import runner_here

    return runner_here(
        connect,
        person,
        observers,
        interruption=person.interruption,
        sign_key=options.sign_key,
        recipients=options.recipients,
        take_over=options.take_over,
        emergency=options.emergency,
        await_approval=options.wait,
    )

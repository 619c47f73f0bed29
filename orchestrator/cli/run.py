"""run, resume: carry a runbook out."""

from __future__ import annotations

import json
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.failure import Stop
from stopgap.orchestrator.cli.pairs import pairs
from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.runbook import bind, parse_runbook, prepare, reveal_secrets
from stopgap.orchestrator.runbook.finding import runbook_file
from stopgap.orchestrator.secret import redact_tree
from stopgap.orchestrator.source import Located

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stopgap.orchestrator.cli.live_view import LiveView
    from stopgap.orchestrator.cli.terminal import Terminal
    from stopgap.orchestrator.request.verification import RequestUse
    from stopgap.orchestrator.run.connection_pool import Connect
    from stopgap.orchestrator.run.order import Order
    from stopgap.orchestrator.run.runner import Runner, RunResult


def run(args: Namespace) -> int:
    """Run a runbook, or preview a runbook; with `--request`, on a customer's signed request."""
    given = pairs(args.param)
    if not args.request:
        return _run(args, given)
    from stopgap.orchestrator.cli.request import followed

    with followed(args, given) as request_use:
        return _run(args, given, request_use)


def _run(args: Namespace, given: dict[str, str], request_use: RequestUse | None = None) -> int:
    from stopgap.orchestrator.remote import ConnectAhead

    order = _order(args, given)
    agreed = _saved_digest(Path(args.plan)) if args.plan else None
    key = sign_key(args)
    check_recipients(args)
    with ConnectAhead(order.inventory.hosts) as connect:
        connect.begin([*order.acting(), *(() if args.dry_run else order.targets)])
        return _go(args, order, request_use, connect, key, agreed)


def _go(
    args: Namespace,
    order: Order,
    request_use: RequestUse | None,
    connect: Connect,
    key: Path | None,
    agreed: str | None,
) -> int:
    from stopgap.orchestrator.cli.observers import JsonLines, Lines
    from stopgap.orchestrator.cli.terminal import Terminal, stoppable

    live_view = _live_view(args)
    messages = live_view.messages if live_view else screens.err()
    person = Terminal(messages, yes=args.yes, wait=args.wait)
    json_lines = JsonLines() if args.json else None
    lines = Lines(
        live_view.out if live_view else messages if args.json else screens.out(),
        order.runbook.name,
        asks=person.asks and not args.dry_run,
        full=args.full,
    )
    observers = [json_lines] if json_lines else [live_view, lines] if live_view else [lines]
    runner = _runner(person, observers, args, connect, key)
    with stoppable(runner.interruption, messages), live_view.showing() if live_view else nullcontext():
        if args.dry_run:
            conclusion = runner.preview(order)
            if agreed is not None and agreed != conclusion.plan.digest:
                messages.line(f"The plan has drifted: saved {agreed[:8]}, now {conclusion.plan.digest[:8]}.", "bad")
        else:
            if request_use:
                request_use.unused = False
            conclusion = runner.run(order, agreed_digest=agreed)
            if request_use:
                request_use.unused = conclusion.run is None
    if args.save_plan:
        _save_plan(Path(args.save_plan), conclusion, order)
    if json_lines:
        json_lines.finished(conclusion)
    if conclusion.refusal:
        messages.line(f"Refused: {conclusion.refusal}. Nothing was changed.", "bad")
    elif not args.dry_run and not args.json:
        show_conclusion(screens.out(), conclusion)
    return written_exit_code(conclusion.exit_code, conclusion.unreported, conclusion.unsigned, conclusion.displaced)


def resume(args: Namespace) -> int:
    """Resume an unfinished run."""
    from stopgap.orchestrator.cli.damage import to_act_on
    from stopgap.orchestrator.cli.observers import Lines
    from stopgap.orchestrator.cli.terminal import Terminal, stoppable
    from stopgap.orchestrator.cli.trust import asked
    from stopgap.orchestrator.journal import Journal, state_home
    from stopgap.orchestrator.remote import ConnectAhead
    from stopgap.orchestrator.run.consent import asking
    from stopgap.orchestrator.run.order import Order

    live_view = _live_view(args)
    messages = live_view.messages if live_view else screens.err()
    key = sign_key(args)
    check_recipients(args)
    person = Terminal(messages, yes=args.yes, wait=args.wait)
    with Journal.open(state_home()) as journal:
        name = journal.resolve(args.run)
        history = to_act_on(journal, name, args)
        if history.finished and history.finished.exit_code == 0:
            screens.out().line(f"Run {name} is finished; there is nothing to resume.")
            return 0
        started = history.started
        inventory = parse_inventory(started.inventory_text, started.inventory_path)
        runbook = parse_runbook(started.runbook_text, started.runbook_path)
        targets, params = inventory.select(started.targets), runbook.load_params(started.params)
        order = Order(runbook, inventory, targets, params, started.incident, started.controller)
        reveal_secrets(runbook, inventory, order.targets, order.params, asking(asked(messages)))
        lines = Lines(live_view.out if live_view else screens.out(), order.runbook.name, asks=person.asks)
        with ConnectAhead(inventory.hosts) as connect:
            runner = _runner(person, [live_view, lines] if live_view else [lines], args, connect, key)
            with stoppable(runner.interruption, messages), live_view.showing() if live_view else nullcontext():
                conclusion = runner.resume(journal, name, order, anyway=args.anyway)
    if conclusion.refusal:
        messages.line(f"Refused: {conclusion.refusal}. Nothing was changed.", "bad")
    else:
        show_conclusion(screens.out(), conclusion)
    return written_exit_code(conclusion.exit_code, conclusion.unreported, conclusion.unsigned, conclusion.displaced)


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
    show_findings_made(screen, conclusion.findings, conclusion.run or "last")
    steps = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    screen.line(f"Run {conclusion.run}: {conclusion.outcome} ({steps}).", "title")
    if conclusion.standing:
        ends = [change.ends for change in conclusion.standing if change.ends]
        until = f"until {moment(min(ends))}, or until undone" if ends else "until it is undone"
        screen.line(f"In force {until}; `stopgap status` lists it.")
    if conclusion.outcome in {"failed", "unreachable", "interrupted"}:
        screen.line(f"Go on:  stopgap resume {conclusion.run}")
    if conclusion.undoable:
        screen.line(f"Undo:   stopgap undo {conclusion.run}")
    if conclusion.report:
        screen.line(f"Report: {conclusion.report}")


def _order(args: Namespace, given: Mapping[str, str]) -> Order:
    from stopgap.orchestrator.cli.trust import asked, typed
    from stopgap.orchestrator.journal.home import controller_name, state_home
    from stopgap.orchestrator.run.consent import asking, keep
    from stopgap.orchestrator.run.order import Order
    from stopgap.orchestrator.secret.agreement import agree

    source = args.runbook if isinstance(args.runbook, Located) else runbook_file(args.runbook)
    runbook, inventory, targets = prepare(source, args.inventory, args.target, given, complete=True)
    if not targets:
        names = ", ".join([*inventory.hosts, *inventory.groups])
        raise Stop(2, f"which host? Name it with -t; {inventory.path} knows {names}")
    params = bind(runbook, inventory, targets, given)
    if commands := typed(runbook, pairs(args.param)):
        agree(command.reference for command in commands)
        if not args.dry_run:
            keep(commands)  # for a later `resume`
    reveal_secrets(runbook, inventory, targets, params, asking(asked(screens.err())))
    return Order(runbook, inventory, targets, params, _incident(args.incident), controller_name(state_home()))


def _incident(name: str | None) -> str:
    """Return the name of an existing incident."""
    if name is None:
        return ""
    from stopgap.orchestrator.journal import Journal, state_home
    from stopgap.orchestrator.journal.incidents import find_incident

    with Journal.open(state_home()) as journal:
        return find_incident(journal, name).name


def sign_key(args: Namespace) -> Path | None:
    """Return the key to sign the journal; a missing file raises Stop before the run begins."""
    if not args.sign_key:
        return None
    path = Path(args.sign_key).expanduser()
    if not path.is_file():
        raise Stop(2, f"{path}: no such key to sign the journal with")
    return path


def check_recipients(args: Namespace) -> None:
    """Verify the recipients of encrypted evidence; an invalid recipient raises Stop before the run begins."""
    if not args.age:
        return
    from stopgap.orchestrator.evidence.sealing import SealingError, recipient

    try:
        for text in args.age:
            recipient(text)
    except SealingError as error:
        raise Stop(2, str(error)) from None


def written_exit_code(code: int, unreported: str, unsigned: str, displaced: str = "") -> int:
    """Print the reasons for an unwritten report, a missing signature, or records outside the journal.

    Return the exit code with these failures included.
    """
    if displaced:
        screens.err().line(displaced, "bad")
    if unreported:
        screens.err().line(f"The report was not written: {unreported}; `stopgap report` makes it again", "bad")
    if unsigned:
        screens.err().line(f"Journal and evidence are not signed: {unsigned}", "bad")
    return code or int(bool(unreported or unsigned or displaced))


def _live_view(args: Namespace) -> LiveView | None:
    """Return the requested live view; None without a terminal, or for a dry run."""
    if not args.watch or getattr(args, "dry_run", False):
        return None
    from stopgap.orchestrator.cli.live_view import LiveView
    from stopgap.orchestrator.journal import Journal, state_home

    live_view = LiveView(lambda: Journal.open(state_home()))
    return live_view if live_view.possible else None


def _runner(
    person: Terminal, observers: Sequence[object], args: Namespace, connect: Connect, key: Path | None
) -> Runner:
    from stopgap.orchestrator.journal import Journal, state_home
    from stopgap.orchestrator.run.dry_run import past_runs, sent_messages
    from stopgap.orchestrator.run.person import operator
    from stopgap.orchestrator.run.runner import Runner

    return Runner(
        open_journal=lambda: Journal.open(state_home()),
        connect=connect,
        person=person,
        observers=observers,  # type: ignore[arg-type]
        operator=operator(),
        interruption=person.interruption,
        sign_key=key,
        recipients=tuple(args.age),
        take_over=args.take_over,
        sent=sent_messages,
        past_runs=past_runs,
    )


def _save_plan(path: Path, conclusion: RunResult, order: Order) -> None:
    plan = conclusion.plan
    saved = {
        "plan_digest": plan.digest,
        "runbook": order.runbook.name,
        "targets": [target.name for target in order.targets],
        "steps": [
            {
                "step": step.key,
                "target": step.target.name,
                "host": step.on.name if step.on else None,
                "outcome": step.outcome,
                "changes": [change.model_dump(mode="json") for change in step.ordered()],
            }
            for step in plan.steps
        ],
    }
    try:
        path.write_text(json.dumps(redact_tree(saved), indent=1) + "\n", encoding="utf-8")
        path.chmod(0o600)
    except OSError as error:
        raise Stop(2, f"{path}: {error.strerror}; the plan was not saved") from None


def _saved_digest(path: Path) -> str:
    try:
        digest = json.loads(path.read_text(encoding="utf-8"))["plan_digest"]
    except OSError as error:
        raise Stop(2, f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Stop(2, f"{path}: not a plan that --save-plan wrote") from None
    return str(digest)

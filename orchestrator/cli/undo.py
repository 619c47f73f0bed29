"""undo: undo of a run's changes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage, to_act_on
from stopgap.orchestrator.cli.failure import Stop
from stopgap.orchestrator.cli.run import sign_key, written_exit_code
from stopgap.orchestrator.cli.steps import counted
from stopgap.orchestrator.cli.terminal import Terminal, stoppable
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import DamagedRunError, History, Journal, state_home, step_of
from stopgap.orchestrator.remote import ConnectAhead
from stopgap.orchestrator.run.connection_pool import ConnectionPool, releasing
from stopgap.orchestrator.run.consent import recall
from stopgap.orchestrator.run.host_lock import locking, refusal
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.outcome import INTERRUPTED
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.runner import displaced, sign_run, write_report
from stopgap.orchestrator.run.undo import Undone
from stopgap.orchestrator.run.undo import undo as undo_changes


def undo(args: Namespace) -> int:
    """Undo a run, or one step of a run, in reverse order."""
    screen, key = screens.out(), sign_key(args)
    with Journal.open(state_home()) as journal:
        run = journal.resolve(args.run)
        with journal.hold(run):
            history = to_act_on(journal, run, args)
            known = ", ".join(dict.fromkeys(step.step for step in history.steps))
            if args.step and not any(args.step in {s.step, step_of(s.step)} for s in history.steps):
                raise Stop(2, f"run {run} has no step {args.step}; it has {known}")
            changes = history.undoable(args.step)
            if not changes:
                return _nothing(screen, journal, history, args.step)
            screen.line(f"Undo of run {run}: {history.started.runbook_name}", "title")
            for change in changes:
                screen.line(f"  {change.host:<11} {change.change.describe_undo()}")
            agreed = Terminal(screens.err(), yes=args.yes).confirms(f"Take back {len(changes)} changes?")
            if not agreed:
                raise Stop(4, "nobody is there to ask; add --yes" if agreed is None else "nothing was undone")
            interruption = Interruption()
            hosts = history.hosts
            recall(history.started.inventory_path, history.started.inventory_text)
            concerned = _concerned(history, [hosts[c.host] for c in changes if c.host in hosts])
            record = Recorder(journal, run, [])
            with (
                locking(journal.home, operator(), concerned, take_over=args.take_over) as locks,
                ConnectAhead(hosts) as connect,
                ConnectionPool(hosts, connect, locks) as pool,
                stoppable(interruption, screens.err()),
                interruption.cutting(pool.close, gently=True),
                releasing(pool),
            ):
                pool.lock(concerned)
                if held := refusal(locks.held, (c.host for c in changes)):
                    raise Stop(4, f"{held}. Nothing was undone.")
                result = undo_changes(
                    history,
                    changes,
                    pool,
                    record,
                    interruption=interruption,
                    force=args.force,
                    anyway=args.anyway,
                )
            _, unreported = write_report(journal, run)
            unsigned = sign_run(journal, run, key)
            _show(screen, journal.history(run), result)
            code = INTERRUPTED if interruption.requested.is_set() else result.exit_code
            return written_exit_code(code, unreported, unsigned, displaced(journal, run))


def _concerned(history: History, changed: Iterable[Host]) -> list[Host]:
    """Return the changed hosts, and the hosts possibly locked before the process of the run died."""
    hosts = history.hosts
    targets = [hosts[name] for name in history.started.targets if name in hosts]
    related = [hosts[name] for t in targets for name in (*t.upstreams, t.spare) if name in hosts]
    return list({host.name: host for host in (*changed, *targets, *related)}.values())


def _show(screen: screens.Screen, history: History, result: Undone) -> None:
    done = sum(made.outcome == "undone" for made in result.made)
    for made in result.made:
        if made.outcome != "undone":
            screen.line(f"  {made.step} on {made.target}: {made.outcome}: {made.reason}", "bad")
            if made.outcome == "drifted":
                screen.line("    left as it is; look at it, then add --force to overwrite it")
    for host, reason in result.unreachable.items():
        screen.line(f"  {host}: unreachable: {reason}", "bad")
    left = history.in_force()
    tail = f"{len(left)} still in force" if left else "nothing of this run is in force any more"
    screen.line(f"{done} undone; {tail}.", "good" if not left else "warn")
    if result.unreachable:
        again = f"stopgap undo {history.run}"
        screen.line(f"Once {', '.join(result.unreachable)} can be reached, take back the rest: {again}", "warn")


def _nothing(screen: screens.Screen, journal: Journal, history: History, step: str | None) -> int:
    """Say that nothing can be taken back, and what is in force all the same; give the exit code."""
    left = [c for c in history.in_force() if step is None or step in {c.step, step_of(c.step)}]
    if left:
        screen.line(f"There is nothing in run {history.run} that Stopgap knows how to undo.", "warn")
        for change in left:
            about = change.change.describe()
            screen.line(f"  {change.host:<11} {about}: still in force; nobody knows its undo", "bad")
    else:
        screen.line(f"There is nothing to undo in run {history.run}.")
    for other in journal.runs():
        if other.id == history.run:
            continue
        try:
            standing = journal.history(other.id).in_force()
        except DamagedRunError as error:
            show_damage(screen, error.run, error.problems)
            continue
        if standing:
            screen.line(f"Of run {other.id} ({other.runbook}) {counted(standing)} in force: stopgap undo {other.id}")
    return 1 if left else 0

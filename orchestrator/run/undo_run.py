"""A whole undo: agreed to, locked, taken back in reverse order, reported and signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.journal import ChangeStatus, History, Journal, step_of
from stopgap.orchestrator.journal.records import UndoMade
from stopgap.orchestrator.outcome import ExitCode, RunOutcome, run_outcome
from stopgap.orchestrator.remote import ConnectAhead
from stopgap.orchestrator.run.closing import apart, displaced, sign_run, write_report
from stopgap.orchestrator.run.connection_pool import ConnectionPool, releasing
from stopgap.orchestrator.run.consent import recall
from stopgap.orchestrator.run.gate import Gate, gate_here
from stopgap.orchestrator.run.host_lock import locking, refusal
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.person import Person, operator
from stopgap.orchestrator.run.recorder import Observer, Recorder
from stopgap.orchestrator.run.resume_run import history_reached_by
from stopgap.orchestrator.run.trust import trusted
from stopgap.orchestrator.run.undo import Undone, undo
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class UndoRequested:
    """What to take back, and how."""

    step: str | None = None
    """The id of one step; None: all steps."""
    force: bool = False
    """Also where somebody has changed it since."""
    anyway: bool = False
    """Also where the run's journal is damaged; a person has looked at the hosts."""
    take_over: bool = False
    """Also where another machine holds the lock of a router or spare."""
    sign_key: Path | None = None
    """SSH private key that signs journal and evidence at the end."""


@dataclass(frozen=True)
class UndoResult:
    """What came of an undo.

    >>> import stopgap
    >>> hosts = stopgap.load_inventory("mine", text="{hosts: {here: {address: 127.0.0.1, connection: local}}}")
    >>> step = "{id: old, task: host.file, with: {path: /tmp/no-such-file, absent: true}}"
    >>> runbook = stopgap.load_runbook("mine", text=f"{{name: Tidy up, steps: [{step}]}}")
    >>> undone = stopgap.undo(stopgap.run(stopgap.plan(runbook, hosts, targets=["here"])))
    >>> undone.outcome.value, undone.undone, undone.in_force
    ('ok', 0, ())
    """

    run: str
    exit_code: int
    """0 all taken back, 1 something failed, 3 a host was out of reach, 4 refused or drifted, 130 interrupted."""
    changes: tuple[ChangeStatus, ...] = ()
    """What was to be taken back, in the order in which to do so."""
    made: tuple[UndoMade, ...] = ()
    """Each undo that was tried, with its outcome."""
    unreachable: Mapping[str, str] = field(default_factory=dict)
    """Host → reason; what is in force there stays so."""
    in_force: tuple[ChangeStatus, ...] = ()
    """What the run still has in force; of the one step where nothing of that step could be taken back."""
    refusal: str = ""
    """Why nothing was tried."""
    locked: bool = False
    """Another run works on a host: nothing was tried, and a later try may go."""
    report: Path | None = None
    unreported: str = ""
    """Why the report could not be written."""
    unsigned: str = ""
    """Why journal and evidence could not be signed, where they were to be."""
    apart: str = ""
    """Why the records are on this machine alone, and not yet in the team's database."""
    displaced: str = ""
    """Where the records are, where the state folder was moved away or deleted meanwhile."""

    @property
    def outcome(self) -> RunOutcome:
        """The outcome in one word."""
        return run_outcome(self.exit_code)

    @property
    def undone(self) -> int:
        """How many changes were taken back."""
        return sum(made.outcome == "undone" for made in self.made)


def undo_run(
    journal: Journal,
    name: str,
    wanted: UndoRequested,
    person: Person,
    *,
    observers: Sequence[Observer] = (),
    interruption: Interruption | None = None,
    gate: Gate | None = None,
    inventory: Inventory | None = None,
) -> UndoResult:
    """Take back a run, or one step of the run, in reverse order.

    `name`: the run's id, or `last`. `person` is asked before anything is contacted. `interruption`: asks to stop
    after what is under way. `gate`: what roles permit; by default the roles that hold here.
    `inventory`: says how the hosts are reached from here, in place of the inventory of the run.

    A refusal by the person or by a lock, or an interruption before the first undo, is a result with `refusal`.
    Raises UsageError for a step that the run has not,
    UntrustedRunError where its journal is damaged, unless `anyway`; RunHeldError, JournalError; ActRefused where
    roles do not permit the undo; RefusedError for a host that `inventory` lacks.
    """
    run = journal.resolve(name)
    stop = interruption or Interruption()
    with journal.hold(run, over=wanted.take_over):
        history = trusted(journal, run, anyway=wanted.anyway, by=operator())
        if inventory is not None:
            history = history_reached_by(history, inventory)
        _check_step(history, wanted.step)
        changes = history.undoable(wanted.step)
        if not changes:
            left = _in_force(history, wanted.step)
            return UndoResult(run, ExitCode.FAILED if left else ExitCode.OK, in_force=left)
        agreed = person.agrees_to_undo(history, changes)
        if stop.requested.is_set():
            return _refused(history, changes, tr("nothing was undone"), ExitCode.INTERRUPTED)
        if not agreed:
            why = tr("nobody is there to ask; add --yes") if agreed is None else tr("nothing was undone")
            return _refused(history, changes, why)
        journal_records = (gate or gate_here()).undo(history, wanted.step, force=wanted.force)
        if journal_records:
            journal.append(run, *journal_records)
        recall(history.started.inventory_path, history.started.inventory_text)
        hosts = history.hosts
        concerned = _concerned(history, [hosts[c.host] for c in changes if c.host in hosts])
        with (
            locking(journal.home, operator(), concerned, journal.claims, take_over=wanted.take_over) as locks,
            ConnectAhead(hosts) as connect,
            ConnectionPool(hosts, connect, locks) as pool,
            stop.cutting(pool.close, gently=True),
            releasing(pool),
        ):
            pool.lock(concerned)
            if held := refusal(locks.held, (c.host for c in changes)):
                return replace(_refused(history, changes, tr("{held}. Nothing was undone.", held=held)), locked=True)
            record = Recorder(journal, run, observers)
            done = undo(history, changes, pool, record, interruption=stop, force=wanted.force, anyway=wanted.anyway)
        return _ended(journal, run, wanted, changes, done, interrupted=stop.requested.is_set())


def _ended(
    journal: Journal,
    run: str,
    wanted: UndoRequested,
    changes: tuple[ChangeStatus, ...],
    done: Undone,
    *,
    interrupted: bool,
) -> UndoResult:
    report, unreported = write_report(journal, run)
    unsigned = sign_run(journal, run, wanted.sign_key)
    moved = displaced(journal, run)
    code = ExitCode.INTERRUPTED if interrupted else done.exit_code
    return UndoResult(
        run,
        code or (ExitCode.FAILED if unreported or unsigned or moved else ExitCode.OK),
        changes,
        tuple(done.made),
        dict(done.unreachable),
        journal.history(run).in_force(),
        report=report,
        unreported=unreported,
        unsigned=unsigned,
        apart=apart(journal),
        displaced=moved,
    )


def _refused(
    history: History, changes: tuple[ChangeStatus, ...], why: str, code: int = ExitCode.REFUSED
) -> UndoResult:
    return UndoResult(history.run, code, changes, in_force=history.in_force(), refusal=why)


def _in_force(history: History, step: str | None) -> tuple[ChangeStatus, ...]:
    return tuple(c for c in history.in_force() if step is None or step in {c.step, step_of(c.step)})


def _check_step(history: History, step: str | None) -> None:
    if step and not any(step in {status.step, step_of(status.step)} for status in history.steps):
        known = ", ".join(dict.fromkeys(status.step for status in history.steps))
        raise UsageError(tr("run {run} has no step {step}; it has {known}", run=history.run, step=step, known=known))


def _concerned(history: History, changed: Iterable[Host]) -> list[Host]:
    """Give the hosts that were changed, and those that the run may have locked before its process died."""
    hosts = history.hosts
    targets = [hosts[name] for name in history.started.targets if name in hosts]
    related = [hosts[name] for t in targets for name in (*t.upstreams, t.spare) if name in hosts]
    return list({host.name: host for host in (*changed, *targets, *related)}.values())

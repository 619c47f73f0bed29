"""A whole run: plan, show, ask for consent, carry out; or a dry run, without consent and execution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from stopgap.orchestrator import __version__
from stopgap.orchestrator.change import AnyChange
from stopgap.orchestrator.journal import DamagedRunError, History, Journal
from stopgap.orchestrator.journal.deliveries import deliveries
from stopgap.orchestrator.journal.records import PluginPresent, RunStarted
from stopgap.orchestrator.outcome import CARRIED_OUT, DONE, ExitCode, PlannedOutcome, exit_code
from stopgap.orchestrator.plan import Ledger, PastRuns, Plan, PlannedStep
from stopgap.orchestrator.plan.planner import no_past, nothing_sent
from stopgap.orchestrator.plugins import used
from stopgap.orchestrator.run.archive import Archive
from stopgap.orchestrator.run.closing import apart, displaced, let_evidence_wait, sign_run, write_report
from stopgap.orchestrator.run.collect import Vault, keep_broken_off
from stopgap.orchestrator.run.connection_pool import Connect, ConnectionPool, releasing, with_controller
from stopgap.orchestrator.run.context import RunContext
from stopgap.orchestrator.run.drivers import record_drivers, with_drivers
from stopgap.orchestrator.run.execute import execute, plan_made
from stopgap.orchestrator.run.gate import Gate
from stopgap.orchestrator.run.host_lock import locking
from stopgap.orchestrator.run.host_lock import refusal as locked
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.judging import Judging
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.person import Person
from stopgap.orchestrator.run.recorder import Observer, Recorder
from stopgap.orchestrator.run.result import RunResult, as_ended, as_planned, waiting
from stopgap.orchestrator.run.rollback_timer import settle_all
from stopgap.orchestrator.run.target_run import planner_of, stays
from stopgap.orchestrator.runbook import StepResult
from stopgap.orchestrator.text import tr

_LOOK_AGAIN = 0.5
"""Seconds between two looks at whether another person has approved."""


@dataclass(frozen=True)
class Runner:
    """The surroundings of a run: state folder, connections, person to ask, observers."""

    open_journal: Callable[[], Journal]
    connect: Connect
    person: Person
    observers: Sequence[Observer]
    operator: str
    interruption: Interruption = field(default_factory=Interruption)
    take_over: bool = False
    """Ignore the locks of other controllers on routers and spares."""
    sign_key: Path | None = None
    """Signs the manifests of evidence and the journal's head when a run has ended."""
    recipients: tuple[str, ...] = ()
    """Public keys for the encryption of evidence on arrival; without keys evidence is kept in clear."""
    sent: Ledger = nothing_sent
    """The delivery of messages as known to a dry run, without a writable journal."""
    past_runs: PastRuns = no_past
    """Earlier runs as known to a dry run."""
    gate: Gate = field(default_factory=Gate)
    """What roles permit."""
    await_approval: bool = False
    """Wait, with no lock held, until another person has approved."""
    emergency: str = ""
    """Why the run goes before another person has approved it; empty: it waits."""

    def preview(self, order: Order) -> RunResult:
        """Plan on facts from read-only readers and show the plan."""
        with (
            ConnectionPool(with_controller(order.inventory.hosts), self.connect) as pool,
            self.interruption.cutting(pool.close),
        ):
            pool.expect(order.acting())
            order = with_drivers(order, pool)
            plan = planner_of(order, pool.look, self.sent, self.past_runs, urgent=False).plan(order.targets)
        self._show(plan, dry_run=True)
        outcomes = [step.outcome for step in plan.steps]
        code = ExitCode.INTERRUPTED if self.interruption.requested.is_set() else exit_code(outcomes)
        return RunResult(plan, code, steps=as_planned(plan))

    def run(self, order: Order, *, agreed_digest: str | None = None) -> RunResult:
        """Plan, ask for consent, carry out.

        With `agreed_digest`, the digest of a saved plan, a different plan is refused as drift. Raises JournalError;
        ActRefused where roles do not permit the run.
        """
        self.gate.admit(order, self.emergency)
        result = self._begin(order, agreed_digest)
        return self._after_approval(result, order) if result.waits and self.await_approval else result

    def _after_approval(self, result: RunResult, order: Order) -> RunResult:
        """Wait until the run has its approvals, and go on with the run; an interruption leaves the run waiting."""
        run = result.run or ""
        while not self.interruption.requested.wait(_LOOK_AGAIN):
            with self.open_journal() as journal:
                if not journal.history(run).approvals_lacking:
                    return self.resume(journal, run, order)
        return result

    def _begin(self, order: Order, agreed_digest: str | None) -> RunResult:
        asked = order
        acting = order.acting()
        with (
            self.open_journal() as journal,
            locking(journal.home, self.operator, acting, journal.claims, take_over=self.take_over) as locks,
            ConnectionPool(with_controller(order.inventory.hosts), self.connect, locks) as pool,
            releasing(pool),
        ):
            with self.interruption.cutting(pool.close):
                pool.expect([*acting, *order.targets])
                order = with_drivers(order, pool)
                past_runs = Archive(journal).past_runs
                # A plan to be compared with a saved plan must be complete.
                urgent = agreed_digest is None and not self.gate.needs_whole_plan(order, self.emergency)
                planner = planner_of(
                    order, pool.look, lambda keys: deliveries(journal, keys), past_runs, urgent=urgent
                )
                plan = planner.plan(order.targets)
            self._show(plan, dry_run=False)
            pool.expect(plan.vantages)
            if refusal := locked(locks.held, plan.hosts) or self._refusal(plan, agreed_digest):
                code = ExitCode.INTERRUPTED if self.interruption.requested.is_set() else ExitCode.REFUSED
                return RunResult(plan, code, steps=as_planned(plan), refusal=refusal)
            run = journal.begin(run_started(order, self.operator))
            record = Recorder(journal, run, self.observers)
            for entry in journal.after(run, -1):
                record.announce(entry)
            record_drivers(order, record)
            record(plan_made(plan))
            passage = self.gate.begin(journal, run, asked, plan, self.emergency)
            record(*passage.records)
            if passage.lacking:
                return waiting(plan, run, passage.lacking)
            with self._judging(journal, run, record) as judging:
                context = self._context(journal, run, pool, record, judging, order)
                return self.carry_out(order, plan, context, journal, {})

    def resume(self, journal: Journal, run: str, order: Order, *, anyway: bool = False) -> RunResult:
        """Continue a run after the death of its process: unknown steps are read again, finished steps are left.

        Raises DamagedRunError for damaged records, unless `anyway`; JournalError; ActRefused where roles do
        not permit the run to go on.
        """
        history = journal.history(run)
        if history.damage and not anyway:
            raise DamagedRunError(run, history.damage)
        passage = self.gate.go_on(journal, history)
        if passage.lacking:
            return waiting(Plan(()), run, passage.lacking)
        done: dict[tuple[str, str], StepResult] = {
            (step.step, step.target): StepResult(step.outcome, history.answer_of(step.step, step.target))
            for step in history.steps
            if step.outcome in DONE
        }
        numbers = {(c.step, c.target): history.next_index(c.step, c.target) for c in history.changes}
        acting = order.acting()
        with (
            journal.hold(run, over=self.take_over),
            locking(journal.home, self.operator, acting, journal.claims, take_over=self.take_over) as locks,
            ConnectionPool(with_controller(order.inventory.hosts), self.connect, locks) as pool,
            releasing(pool),
            self._judging(journal, run, record := Recorder(journal, run, self.observers, numbers)) as judging,
        ):
            keep_broken_off(record, self._vault(journal, run), judging)
            with self.interruption.cutting(pool.close):
                pool.expect([*acting, *order.targets])
                settle_all(history, pool, record)
                order = with_drivers(order, pool)
                past_runs = Archive(journal, run).past_runs
                # Missed activations are added to the plan, so the plan must be complete.
                # So must a plan that was approved.
                urgent = not history.not_activated() and passage.digest is None and passage.people == 1
                planner = planner_of(
                    order, pool.look, lambda keys: deliveries(journal, keys), past_runs, urgent=urgent
                )
                planned = planner.plan(order.targets).steps
                left = [s for s in planned if not stays(s.step, (s.key, s.target.name), done, history.taken_back())]
                plan = Plan(tuple(_with_activation(step, history) for step in left))
            self._show(plan, dry_run=False)
            pool.expect(plan.vantages)
            held = locked(locks.held, plan.hosts)
            if refusal := held or self._refusal(plan, passage.digest):
                return RunResult(
                    plan, ExitCode.REFUSED, run, steps=as_planned(plan), refusal=refusal, locked=bool(held)
                )
            record_drivers(order, record, history.drivers)
            if passage.people > 1:
                asked, lacking = self.gate.ask(history, plan, passage.people)
                record(plan_made(plan), asked)
                return waiting(plan, run, lacking)
            record(plan_made(plan), *passage.records)
            context = self._context(journal, run, pool, record, judging, order)
            return self.carry_out(order, plan, context, journal, done, history.taken_back())

    def carry_out(
        self,
        order: Order,
        plan: Plan,
        context: RunContext,
        journal: Journal,
        done: Mapping[tuple[str, str], StepResult],
        taken_back: frozenset[tuple[str, str]] = frozenset(),
    ) -> RunResult:
        """Execute the plan, then write the report and the exported journal into the run's folder."""
        run = context.record.run
        with self.interruption.cutting(context.pool.close, gently=True):
            planner = planner_of(order, context.pool.look, context.record.deliveries, context.archive.past_runs)
            result = execute(order, plan, planner, context, done=done, taken_back=taken_back)
        ended = [self._written(journal, each) for each in (run, *sorted(context.archive.touched))]
        history = journal.history(run)
        if history.evidence:
            let_evidence_wait(journal.home, run)
        return RunResult(
            plan.completed(result.late),
            result.exit_code,
            run,
            steps=as_ended(result.ended),
            containment=result.containment,
            broken=result.broken,
            report=ended[0][0],
            unreported=next((why for _, why, _ in ended if why), ""),
            unsigned=next((why for _, _, why in ended if why), ""),
            apart=apart(journal),
            displaced=displaced(journal, run),
            findings=history.findings_now(),
            standing=history.in_force(),
            undoable=bool(history.undoable()),
            approval=history.approval is not None,
        )

    def _written(self, journal: Journal, run: str) -> tuple[Path | None, str, str]:
        """Write a run's report and sign its journal; return the report, and the reason for each failure."""
        made, unreported = write_report(journal, run)
        return made, unreported, sign_run(journal, run, self.sign_key)

    def _context(
        self, journal: Journal, run: str, pool: ConnectionPool, record: Recorder, judging: Judging, order: Order
    ) -> RunContext:
        vault = self._vault(journal, run)
        archive = Archive(journal, run, judging.settle)
        return RunContext(
            pool, record, self.gate.person(self.person, order), vault, self.interruption, archive, judging
        )

    def _judging(self, journal: Journal, run: str, record: Recorder) -> Judging:
        return Judging(journal.run_folder(run), record, stop=self.interruption.requested.is_set)

    def _vault(self, journal: Journal, run: str) -> Vault:
        return Vault(journal.run_folder(run), self.operator, recipients=self.recipients)

    def _show(self, plan: Plan, *, dry_run: bool) -> None:
        for observer in self.observers:
            observer.planned(plan, dry_run=dry_run)

    def _refusal(self, plan: Plan, agreed_digest: str | None) -> str:
        """Return the reason to refuse a plan; empty for an acceptable plan."""
        if self.interruption.requested.is_set():
            return tr("interrupted before anything was done")
        if plan.refusals:
            first = plan.refusals[0]
            return tr(
                "step {first} on {target} is refused: {reason}",
                first=first.key,
                target=first.target.name,
                reason=first.reason,
            )
        if agreed_digest is not None and agreed_digest != plan.digest:
            return tr(
                "the plan has drifted: saved {agreed_digest}, now {digest}; look at a new dry run and save it again",
                agreed_digest=agreed_digest[:8],
                digest=plan.digest[:8],
            )
        agreed = self.person.agrees(plan)
        if agreed is None:
            return tr("nobody is there to ask; look at a dry run, then add --yes")
        for step in plan.steps:
            for question in step.questions:
                if not self.person.can_answer(question):
                    return tr(
                        "step {step} asks for {expected}, and nobody is there to answer; add --wait",
                        step=step.key,
                        expected=question.expected,
                    )
        if self.interruption.requested.is_set():
            return tr("interrupted before anything was done")
        return "" if agreed else tr("not agreed to")


def run_started(order: Order, operator: str) -> RunStarted:
    """Return the record needed by a later resume or undo."""
    return RunStarted(
        version=__version__,
        runbook_name=order.runbook.name,
        runbook_path=str(order.runbook.path),
        runbook_text=order.runbook.text,
        inventory_path=str(order.inventory.path),
        inventory_text=order.inventory.text,
        hosts=tuple(order.inventory.hosts.values()),
        targets=tuple(target.name for target in order.targets),
        params=order.runbook.dump_params(order.params),
        operator=operator,
        incident=order.incident,
        controller=order.controller,
        plugins=tuple(PluginPresent(**asdict(plugin)) for plugin in used()),
    )


def _with_activation(step: PlannedStep, history: History) -> PlannedStep:
    """Add an activation missed by a dead process: the files are in place, so no change is planned."""
    place = (step.key, step.target.name)
    missing: list[AnyChange] = []
    for status in history.not_activated():
        if (status.step, status.target) == place and status.change not in (*step.changes, *missing):
            missing.append(status.change)
    if not missing or step.outcome not in CARRIED_OUT:
        return step
    return replace(step, changes=(*step.changes, *missing), outcome=PlannedOutcome.WOULD_CHANGE)

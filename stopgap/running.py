"""Plan a runbook against hosts, and run a plan that was looked at."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from stopgap.orchestrator.errors import DriftedError, RefusedError, UsageError
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.plan.saved import save_plan
from stopgap.orchestrator.remote import ConnectAhead
from stopgap.orchestrator.run.consent import agreed_before
from stopgap.orchestrator.run.events import EventObserver, OnEvent
from stopgap.orchestrator.run.here import runner_here
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.order import Order, order_here
from stopgap.orchestrator.run.person import Person, Unattended
from stopgap.orchestrator.run.plan_origin import origin_of
from stopgap.orchestrator.run.result import RunResult
from stopgap.orchestrator.run.resume_run import resume_run
from stopgap.orchestrator.run.sinks import SinkEvents
from stopgap.orchestrator.runbook import Runbook, bind, check, format_duration, reveal_secrets
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.secret.agreement import agree
from stopgap.undoing import run_id

__all__ = ["Planned", "RunResult", "plan", "resume", "run"]

Value = (
    str | int | bool | timedelta | IPv4Address | IPv6Address | IPv4Network | IPv6Network | Sequence["Value"] | None
)


@dataclass(frozen=True)
class Planned:
    """A runbook planned against hosts as they were just read: what a run would do, step by step.

    >>> import stopgap
    >>> hosts = stopgap.load_inventory("mine", text="{hosts: {here: {address: 127.0.0.1, connection: local}}}")
    >>> step = "{id: old, task: host.file, with: {path: /tmp/no-such-file, absent: true}}"
    >>> runbook = stopgap.load_runbook("mine", text=f"{{name: Tidy up, steps: [{step}]}}")
    >>> planned = stopgap.plan(runbook, hosts, targets=["here"])
    >>> planned.changes, len(planned.digest), [step.outcome.value for step in planned.steps]
    (0, 64, ['unchanged'])
    """

    order: Order
    """The runbook with its targets and parameters."""
    plan: Plan

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, over all that would be done where; the same state gives the same digest."""
        return self.plan.digest

    @property
    def steps(self) -> tuple[PlannedStep, ...]:
        """Every step on every target, with its outcome so far (`would-change`, `unchanged`, `would-fail`, …)."""
        return self.plan.steps

    @property
    def changes(self) -> int:
        """How many changes would be made."""
        return self.plan.changes

    def save(self, path: str | Path) -> None:
        """Write the plan to a file of mode 0600, for `stopgap run --plan FILE`. Raises UsageError.

        `path`: an existing file is written over.
        """
        names = [target.name for target in self.order.targets]
        save_plan(Path(path), self.plan, self.order.runbook.name, names, origin_of(self.order))


def plan(
    runbook: Runbook,
    inventory: Inventory,
    *,
    targets: Sequence[str],
    params: Mapping[str, Value] | None = None,
    incident: str | None = None,
    on_event: OnEvent | None = None,
) -> Planned:
    """Read the hosts and plan every step; nothing is written on any host (a dry run).

    `targets`: names of hosts or groups of the inventory. `params`: values of the runbook's parameters, typed
    (`timedelta(hours=72)`) or as on the command line (`"72h"`). `incident`: the open incident of the run.
    `on_event`: called with each event, a mapping as in `run --json`.

    Raises InvalidInput before anything is contacted. A host out of reach is no error: its steps say so.

    >>> import stopgap
    >>> hosts = stopgap.load_inventory("mine", text="{hosts: {here: {address: 127.0.0.1, connection: local}}}")
    >>> step = "{id: old, task: host.file, with: {path: /tmp/no-such-file, absent: true}}"
    >>> runbook = stopgap.load_runbook("mine", text=f"{{name: Tidy up, steps: [{step}]}}")
    >>> [(step.key, step.outcome.value) for step in stopgap.plan(runbook, hosts, targets=["here"]).steps]
    [('old', 'unchanged')]
    """
    order = _order(runbook, inventory, targets, params or {}, incident)
    observers = [EventObserver(on_event)] if on_event else []
    with ConnectAhead(inventory.hosts) as connect:
        connect.begin(order.acting())
        conclusion = runner_here(connect, Unattended(), observers).preview(order)
    return Planned(order, conclusion.plan)


def run(
    planned: Planned,
    *,
    on_event: OnEvent | None = None,
    person: Person | None = None,
    sign_key: str | Path | None = None,
    recipients: Sequence[str] = (),
    take_over: bool = False,
    interruption: Interruption | None = None,
    emergency: str = "",
) -> RunResult:
    """Carry out a plan exactly as planned: the hosts are read again, and drift from the plan is refused.

    `on_event`: called with each event, in the order of the journal, from one thread at a time; an exception of the
    function interrupts the run. `person`: agrees to the plan and answers questions; by default nobody is asked, and a
    question takes its default (as `--yes`). `sign_key`: path of an SSH private key to sign the journal.
    `recipients`: public keys (age, SSH) for the encryption of arriving evidence. `take_over`: also use a router or
    spare locked by another machine. `interruption`: `interruption.request()` ends the run after the current change.
    `emergency`: why the run goes before another person has approved it.

    Returns the outcome of every step, the containment verdict of each target, and the changes in force. Raises
    DriftedError and RefusedError with nothing changed, JournalError if the journal cannot be written.

    >>> import stopgap
    >>> hosts = stopgap.load_inventory("mine", text="{hosts: {here: {address: 127.0.0.1, connection: local}}}")
    >>> step = "{id: old, task: host.file, with: {path: /tmp/no-such-file, absent: true}}"
    >>> runbook = stopgap.load_runbook("mine", text=f"{{name: Tidy up, steps: [{step}]}}")
    >>> result = stopgap.run(stopgap.plan(runbook, hosts, targets=["here"]))
    >>> result.outcome.value, [(step.key, outcome.value) for step, outcome, reason in result.steps]
    ('ok', [('old', 'unchanged')])
    """
    order, saved = planned.order, planned.plan
    observers = [EventObserver(on_event)] if on_event else []
    reveal_secrets(order.runbook, order.inventory, order.targets, order.params, agreed_before)
    with ConnectAhead(order.inventory.hosts) as connect, SinkEvents(_warn) as sinks:
        connect.begin([*order.acting(), *order.targets])
        runner = runner_here(
            connect,
            person or Unattended(),
            [*observers, sinks],
            interruption=interruption,
            sign_key=Path(sign_key) if sign_key else None,
            recipients=recipients,
            take_over=take_over,
            emergency=emergency,
        )
        result = runner.run(order, agreed_digest=saved.digest)
        for observer in observers:
            observer.finished(result)
    if result.run is None and result.plan.digest != saved.digest and not result.plan.refusals:
        raise DriftedError(saved.digest, result.plan.digest)
    if result.refusal:
        raise RefusedError(result.refusal)
    return result


def resume(
    run: str | RunResult,
    *,
    on_event: OnEvent | None = None,
    person: Person | None = None,
    sign_key: str | Path | None = None,
    recipients: Sequence[str] = (),
    take_over: bool = False,
    interruption: Interruption | None = None,
    anyway: bool = False,
) -> RunResult:
    """Resume an unfinished run: unknown steps are read again, finished steps are left alone.

    `run`: the run's id, `last`, or the result of `stopgap.run`. `on_event`, `person`, `sign_key`: as for
    `stopgap.run`. `anyway`: also resume from a damaged journal.

    Returns the result of the remaining steps; a finished run has none. Raises UnknownRunError, UntrustedRunError for
    a damaged journal, RefusedError, JournalError.

    >>> import stopgap
    >>> stopgap.resume("last")
    Traceback (most recent call last):
    ...
    stopgap.orchestrator.journal.failure.UnknownRunError: there is no run yet below ...
    """
    observers = [EventObserver(on_event)] if on_event else []
    with SinkEvents(_warn) as sinks:
        result = resume_run(
            run_id(run),
            lambda connect: runner_here(
                connect,
                person or Unattended(),
                [*observers, sinks],
                interruption=interruption,
                sign_key=Path(sign_key) if sign_key else None,
                recipients=recipients,
                take_over=take_over,
            ),
            anyway=anyway,
        )
    for observer in observers:
        observer.finished(result)
    if result.refusal:
        raise RefusedError(result.refusal)
    return result


def _order(
    runbook: Runbook,
    inventory: Inventory,
    targets: Sequence[str],
    params: Mapping[str, Value],
    incident: str | None,
) -> Order:
    if isinstance(targets, str) or not targets:
        known = shortened([*inventory.hosts, *inventory.groups])
        raise UsageError(f"targets: expected a list of hosts or groups; {inventory.path} knows {known}")
    given = {name: _given(value) for name, value in params.items() if value is not None}
    selected = inventory.select(targets)
    check(runbook, inventory, selected, given)
    bound = bind(runbook, inventory, selected, given)
    agree(value.reference for name, value in bound.items() if name in given and isinstance(value, Secret))
    reveal_secrets(runbook, inventory, selected, bound, agreed_before)
    return order_here(runbook, inventory, selected, bound, incident)


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)


def _given(value: Value) -> object:
    """Give a value as the command line or YAML would."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_given(item) for item in value]
    return value if isinstance(value, bool | int) else str(value)

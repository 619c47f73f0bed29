"""The result of a run or a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stopgap.orchestrator.journal import ChangeStatus
from stopgap.orchestrator.journal.records import FindingsMade, Verdict
from stopgap.orchestrator.outcome import ExitCode, Outcome, PlannedOutcome, run_outcome
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.run.step import Ended


@dataclass(frozen=True)
class RunResult:
    """The end of a run or a dry run, for reports and exit codes.

    >>> import stopgap
    >>> hosts = stopgap.load_inventory("mine", text="{hosts: {here: {address: 127.0.0.1, connection: local}}}")
    >>> step = "{id: old, task: host.file, with: {path: /tmp/no-such-file, absent: true}}"
    >>> runbook = stopgap.load_runbook("mine", text=f"{{name: Tidy up, steps: [{step}]}}")
    >>> result = stopgap.run(stopgap.plan(runbook, hosts, targets=["here"]))
    >>> int(result.exit_code), result.outcome.value, result.standing
    (0, 'ok', ())
    """

    plan: Plan
    exit_code: int
    run: str | None = None
    """`None` without a run."""
    steps: tuple[tuple[PlannedStep, Outcome | PlannedOutcome, str], ...] = ()
    """Each step with outcome and reason."""
    containment: Mapping[str, Verdict] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    """What a step had left, and did not hold any more at the end of the run."""
    refusal: str = ""
    """Why nothing was run."""
    report: Path | None = None
    unreported: str = ""
    """Why the report could not be written."""
    unsigned: str = ""
    """The reason for missing signatures of journal and evidence, if asked for."""
    apart: str = ""
    """Why the records are on this machine alone, and not yet in the team's database."""
    displaced: str = ""
    """The place of the records, after a move or deletion of the state folder."""
    findings: tuple[FindingsMade, ...] = ()
    """Of each collection."""
    standing: tuple[ChangeStatus, ...] = ()
    """The changes in force of the whole run, earlier processes included."""
    undoable: bool = False
    """There is something to take back."""
    approval: bool = False
    """The run takes more than one person."""
    locked: bool = False
    """Another run works on a host: nothing was done, and a later try may go."""
    waits: bool = False
    """The run has begun, and waits for the approval of another person."""

    @property
    def outcome(self) -> str:
        """The outcome of the run, in a word."""
        return run_outcome(self.exit_code)


def as_planned(plan: Plan) -> tuple[tuple[PlannedStep, Outcome | PlannedOutcome, str], ...]:
    """Return each step of a plan that was not carried out, with its planned outcome and reason."""
    return tuple((step, step.outcome, step.reason) for step in plan.steps)


def as_ended(
    steps: list[tuple[PlannedStep, Ended]],
) -> tuple[tuple[PlannedStep, Outcome | PlannedOutcome, str], ...]:
    """Return each ended step with its outcome and reason, by target and in the order of the plan."""
    ordered = sorted(steps, key=lambda pair: (pair[0].target.name, pair[0].number, pair[0].key))
    return tuple((step, ended.outcome, ended.reason) for step, ended in ordered)


def waiting(plan: Plan, run: str, lacking: str) -> RunResult:
    """Return the result of a run that waits for an approval; `lacking` says whose."""
    return RunResult(plan, ExitCode.REFUSED, run, steps=as_planned(plan), refusal=lacking, waits=True)

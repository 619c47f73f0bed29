"""change.lift: undo of changes made by earlier runs, step by step."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.past_runs import THIS
from stopgap.orchestrator.task import Note, Past, Planned, Probe, Refused, Task, UndoRequest
from stopgap.orchestrator.text import tr
from stopgap.tasks.recovery.runs import RunsFacts, RunsParams


class LiftParams(RunsParams):
    """The step to undo."""

    step: str = Field(pattern=r"^[a-z0-9_-]{1,60}$", description="Id of the step in the runs, such as `cut-off`.")
    force: bool = Field(
        False, description="Also undo objects changed by another person since; default: report and leave."
    )


class Lift(Task[LiftParams, RunsFacts]):
    """Take back what a step of earlier runs has changed for this target.

    The task undoes the recorded changes, as `stopgap undo RUN --step ID` does, latest run first, and records the undo
    in the journal of the original run. Objects changed by another person meanwhile are reported and left. To cut the
    host off again, repeat the earlier runbook: an undo of the current run does not restore the block. A run with a
    damaged journal refuses the step.
    """

    name = "change.lift"
    vantages = ("controller",)
    lifts = True

    def probe(self, params: LiftParams, scene: Scene) -> Probe:
        """Ask the journal."""
        return {"past_runs": Past(params.runs)}

    def plan(self, params: LiftParams, facts: RunsFacts, scene: Scene) -> Iterator[Planned]:
        """Yield an undo for each run; raise Refused for a step absent from every run."""
        to_come = {run.run for run in facts.past_runs if run.going_on and params.step not in run.steps}
        if all(run.begun and run.run not in to_come and params.step not in run.steps for run in facts.past_runs):
            known = ", ".join(dict.fromkeys(step for run in facts.past_runs for step in run.steps)) or "none"
            runs = ", ".join(run.run for run in facts.past_runs)
            raise Refused(
                tr(
                    "{runs} had no step {step} for {target}; there were {known}",
                    runs=runs,
                    step=params.step,
                    target=scene.target.name,
                    known=known,
                )
            )
        for run in facts.past_runs:
            if run.damage:
                raise Refused(
                    tr(
                        "the journal of run {run} is damaged: {damage}; look at it and at the hosts, then stopgap "
                        "undo {run} --step {step} --anyway",
                        run=run.run,
                        damage=run.damage[0],
                        step=params.step,
                    )
                )
        for run in reversed(facts.past_runs):
            changes = tuple(change for change in run.changes if change.step == params.step)
            if changes or not run.begun or run.run in to_come:
                yield UndoRequest(run=run.run, step=params.step, undo=changes, force=params.force)
            elif params.step in run.steps:
                named = tr("this run") if run.run == THIS else tr("run {run}", run=run.run)
                yield Note(
                    text=tr("nothing of step {step} of {named} is in force any more", step=params.step, named=named)
                )

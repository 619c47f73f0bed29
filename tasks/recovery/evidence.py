"""evidence.verify: verification of the evidence before a recovery overwrites the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Note, Past, Planned, Probe, Refused, Task
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.recovery.runs import RunsFacts, RunsParams

_SHOWN = 5


class EvidenceVerifyParams(RunsParams):
    """Profiles required for complete evidence."""

    profiles: tuple[Literal["volatile", "triage"], ...] = Field(
        ("volatile", "triage"), description="Profiles required for complete evidence."
    )


class EvidenceVerify(Task[EvidenceVerifyParams, RunsFacts]):
    """Verify that the evidence of earlier runs is complete, and as it was recorded.

    Same verification as `stopgap verify RUN`: the journal's hash chain, every manifest, every file. Missing or
    changed evidence refuses the step.
    """

    name = "evidence.verify"
    vantages = ("controller",)

    def probe(self, params: EvidenceVerifyParams, scene: Scene) -> Probe:
        """Return a reader for the past runs, in the journal and the evidence folders."""
        return {"past_runs": Past(params.runs)}

    def plan(self, params: EvidenceVerifyParams, facts: RunsFacts, scene: Scene) -> Iterator[Planned]:
        """Raise Refused for evidence missing or changed; otherwise yield a note on the evidence."""
        problems = [
            tr("run {run}: {problem}", run=run.run, problem=problem)
            for run in facts.past_runs
            for problem in run.problems
        ]
        if problems:
            more = tr(" (and {count} more)", count=len(problems) - _SHOWN) if len(problems) > _SHOWN else ""
            raise Refused(joined("; ", problems[:_SHOWN]) + more)
        kept = {collection.profile for run in facts.past_runs for collection in run.collections}
        if missing := [profile for profile in params.profiles if profile not in kept]:
            raise Refused(
                tr(
                    "no {missing} evidence of {target} was kept: run `collect` first, or leave the profile out "
                    "of `profiles`",
                    missing=" and no ".join(missing),
                    target=scene.target.name,
                )
            )
        for run in facts.past_runs:
            for collection in run.collections:
                yield Note(
                    text=tr(
                        "run {run}: {profile}, {items} items, as recorded",
                        run=run.run,
                        profile=collection.profile,
                        items=collection.items,
                    )
                )

"""Common parts of the recovery tasks: past runs."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, StringConstraints

from stopgap.orchestrator.past_runs import PastRun
from stopgap.orchestrator.task import Facts, Parameters

RunName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,41}$")]


class RunsParams(Parameters):
    """Past runs to use."""

    runs: tuple[RunName, ...] = Field(
        min_length=1,
        description="Ids of the runs that contained the host, as `stopgap runs` lists them, the first one first;"
        " `last` is the one before this run, `this` the run itself. The name of an incident stands for all of its"
        " runs for the host, but the one that asks.",
    )


class RunsFacts(Facts):
    """Past runs, as recorded by journal and evidence."""

    past_runs: tuple[PastRun, ...] = ()

"""What the first page tells: questions, what is in force and ends soon first, incidents, runs as they go. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.journal import ChangeStatus, History
from stopgap.orchestrator.journal.history import StepStatus
from stopgap.orchestrator.journal.incidents import Incident
from stopgap.orchestrator.journal.listing import RunSummary
from stopgap.orchestrator.journal.open_hosts import OpenHost
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.run.standing import HostStands
from stopgap.orchestrator.run.status import SOON, Status
from stopgap.orchestrator.serve.approving import lacks_approval
from stopgap.orchestrator.serve.asking import Waits, questions_of

LATEST = 12
"""Runs on the first page."""


@dataclass(frozen=True)
class Standing:
    """A change in force, with its run."""

    run: str
    runbook: str
    change: ChangeStatus
    ends_soon: bool


@dataclass(frozen=True)
class Going:
    """A run that goes on."""

    history: History
    step: StepStatus | None
    """The step that runs now."""


@dataclass(frozen=True)
class Overview:
    """The first page."""

    at: datetime
    questions: tuple[Waits, ...]
    approvals: tuple[History, ...]
    """Runs that lack the approval of another person."""
    going: tuple[Going, ...]
    standing: tuple[Standing, ...]
    """What ends first comes first; what ends never comes last."""
    open_hosts: tuple[OpenHost, ...]
    returning: tuple[HostStands, ...]
    incidents: tuple[Incident, ...]
    """The open ones, the latest first."""
    runs: tuple[RunSummary, ...]
    """The latest first."""
    more: int
    """How many earlier runs there are."""
    unreadable: int
    """Runs that cannot be read: what they changed may be in force, and is not listed."""


def overview(
    status: Status,
    runs: Sequence[RunSummary],
    incidents: Iterable[Incident],
    lang: Language,
    may_view: Callable[[History], bool],
    *,
    whole: bool = True,
) -> Overview:
    """Return the first page of what a person may view, of the runs in the list and of what is in force.

    `whole`: the person may view what concerns no single run, such as incidents.
    """
    seen = [run.history for run in status.runs if run.history is not None and may_view(run.history)]
    targets = {target for run in runs for target in run.targets}
    return Overview(
        at=status.at,
        questions=tuple(each for history in seen for each in questions_of(history, lang)),
        approvals=tuple(filter(lacks_approval, seen)),
        going=tuple(Going(history, _now(history)) for history in seen if history.state == "running"),
        standing=tuple(standing(seen, status.at)),
        open_hosts=tuple(host for host in status.open_hosts if whole or host.target in targets),
        returning=tuple(host for host in status.returning if whole or host.target in targets),
        incidents=tuple(incident for incident in reversed(list(incidents)) if whole and not incident.closed),
        runs=tuple(runs[:LATEST]),
        more=max(0, len(runs) - LATEST),
        unreadable=sum(run.history is None for run in status.runs),
    )


def standing(histories: Iterable[History], now: datetime) -> list[Standing]:
    """Return the changes in force of runs, what ends first before the rest."""
    found = [
        Standing(
            history.run,
            history.started.runbook_name,
            change,
            change.ends is not None and change.ends - now < SOON,
        )
        for history in histories
        for change in history.in_force()
    ]
    return sorted(found, key=lambda each: (each.change.ends is None, each.change.ends or now))


def _now(history: History) -> StepStatus | None:
    running: Iterator[StepStatus] = (step for step in reversed(history.steps) if step.outcome is None)
    return next(running, None)

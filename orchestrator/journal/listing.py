"""The list of a journal's runs, and the lookup of a run by name. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.journal.chain import Row, entry
from stopgap.orchestrator.journal.failure import JournalError, UnknownRunError
from stopgap.orchestrator.journal.table import pruned_text
from stopgap.orchestrator.text import tr

SUMMED_UP = ("run-started", "approval-asked", "run-queued", "run-paused", "step-started", "run-finished")
"""Kinds of records that a summary is made of."""
_MINUTE = 13
"""Characters of a run's id that name the minute in which the run began."""


@dataclass(frozen=True)
class RunSummary:
    """One run, in a list of runs.

    >>> import stopgap
    >>> [(run.id, run.state) for run in stopgap.runs() if run.exit_code]
    []
    """

    id: str
    started: datetime | None
    runbook: str
    targets: tuple[str, ...]
    operator: str
    state: str
    """As History.state, or `damaged` for unreadable records."""
    finished: datetime | None
    exit_code: int | None


def summary(run: str, rows: Mapping[str, Row], *, held: bool) -> RunSummary:
    """Return the summary of a run from its last records of the kinds run-started, approval-asked,
    run-queued, run-paused, step-started and run-finished.

    `held` tells of a process with the run's lock.
    """
    from stopgap.orchestrator.journal.approval_records import ApprovalAsked  # noqa: PLC0415 - of a run not looked at
    from stopgap.orchestrator.journal.records import RunFinished, RunStarted  # noqa: PLC0415

    try:
        first = entry(rows["run-started"])
        last = entry(rows["run-finished"]) if "run-finished" in rows else None
    except (JournalError, KeyError):
        return RunSummary(run, None, "?", (), "?", "damaged", None, None)
    if not isinstance(first.record, RunStarted):
        return RunSummary(run, None, "?", (), "?", "damaged", None, None)
    if last and "step-started" in rows and rows["step-started"].seq > last.seq:
        last = None
    asked = entry(rows["approval-asked"]).record if "approval-asked" in rows else None
    queued = "run-queued" in rows and "step-started" not in rows and not held
    paused = "run-paused" in rows and "step-started" in rows and rows["run-paused"].seq > rows["step-started"].seq
    waits = isinstance(asked, ApprovalAsked) and not asked.emergency and "step-started" not in rows
    finish = last.record if last and isinstance(last.record, RunFinished) else None
    return RunSummary(
        run,
        first.at,
        first.record.runbook_name,
        first.record.targets,
        first.record.operator,
        finish.outcome if finish else _unfinished(waits=waits or queued, goes_on=held or paused),
        last.at if last else None,
        finish.exit_code if finish else None,
    )


def _unfinished(*, waits: bool, goes_on: bool) -> str:
    return "waiting" if waits else "running" if goes_on else "interrupted"


def in_order_of_start(ids: Sequence[str]) -> list[str]:
    """Return run ids by the minute in which each run began; ids of one minute keep their order.

    >>> in_order_of_start(["20261129-0712-bcdf", "20261129-0711-brmh"])
    ['20261129-0711-brmh', '20261129-0712-bcdf']
    """
    return sorted(ids, key=lambda run: run[:_MINUTE])


def named(name: str, ids: Sequence[str], strays: Sequence[str], pruned: Sequence[str], where: object) -> str:
    """Return the run with the name: `last`, an id, or the unique beginning or end of an id.

    `ids` holds the ids of the journal, in order of their start; `strays` holds ids with a folder only, `pruned` ids
    of pruned runs. `where` is the state folder. Raises UnknownRunError.
    """
    meant = [run for run in strays if name and (run.startswith(name) or run.endswith(name))]
    if name == "last":
        # A run's id begins with the minute in which it began.
        meant = [run for run in strays if not ids or run[:_MINUTE] >= ids[-1][:_MINUTE]]
    if meant and name not in ids:
        raise UnknownRunError(
            tr(
                "the journal does not know run {meant}, whose folder is there; was an older journal.sqlite "
                "put back? To bring it in: stopgap journal import {where}/runs/{meant}",
                meant=meant[-1],
                where=where,
            )
        )
    gone = [run for run in pruned if name and (run.startswith(name) or run.endswith(name))]
    if gone and not any(run.startswith(name) or run.endswith(name) for run in ids):
        raise UnknownRunError(pruned_text(gone[-1]))
    if not ids and not strays:
        raise UnknownRunError(tr("there is no run yet below {where}", where=where))
    if name == "last":
        return ids[-1]
    found = [run for run in ids if name and (run.startswith(name) or run.endswith(name))]
    if name in ids or len(found) == 1:
        return name if name in ids else found[0]
    if found:
        raise UnknownRunError(
            tr(
                "{name} could be any of {count} runs: {found}",
                name=name,
                count=len(found),
                found=", ".join(found[-5:]),
            )
        )
    from difflib import get_close_matches  # noqa: PLC0415 - a list of runs needs none

    nearest = get_close_matches(name, [*ids, "last"], 1, 0.5)
    raise UnknownRunError(
        tr("there is no run {name}", name=name)
        + (tr("; did you mean {nearest}?", nearest=nearest[0]) if nearest else "")
    )

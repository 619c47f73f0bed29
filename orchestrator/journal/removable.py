"""Which old runs nothing needs any more, and why each other run stays. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.open_findings import decisions, open_findings
from stopgap.orchestrator.journal.records import Answered, Asked, FindingsMade
from stopgap.orchestrator.text import tr, trn

Why: TypeAlias = dict[str, list[str]]
"""Run → the reasons to stay; empty for a run to remove."""


@dataclass(frozen=True)
class Candidate:
    """A run, with what its history does not tell."""

    history: History
    last: datetime
    """Time of the last record."""
    held: bool
    """A process holds the run."""
    reported: bool
    """A report lies in the run's folder."""
    has_folder: bool
    mentioned: frozenset[str]
    """Runs that its records name."""
    waits_for_store: bool = False
    """Evidence of it is to be copied to a store, and is not there yet."""


def slim(history: History) -> History:
    """Return the history with the entries on findings alone, so that many histories fit into memory."""
    kept: tuple[type, ...] = (FindingsMade, Asked, Answered)
    return replace(history, entries=tuple(each for each in history.entries if isinstance(each.record, kept)))


def reasons(candidates: Sequence[Candidate], before: datetime, closed: Mapping[str, bool]) -> Why:
    """Return each run's reasons to stay.

    `candidates` are all readable runs, in order of their start; a run ended `before` is old. `closed` tells of each
    incident whether somebody closed the incident.
    """
    is_open = {
        (each.target, each.finding.id): each.finding.id for each in open_findings([c.history for c in candidates])
    }
    why = {each.history.run: list(_own(each, before, closed, is_open)) for each in candidates}
    staying = -1
    while staying != (count := sum(map(bool, why.values()))):
        staying = count
        for run, reason in _needed(candidates, why):
            if not why[run]:
                why[run].append(reason)
    return why


def _own(
    each: Candidate, before: datetime, closed: Mapping[str, bool], is_open: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    history = each.history
    if history.damage or history.unsigned:
        yield tr("its records are not as they were written: stopgap verify {run}", run=history.run)
    if each.held or history.state == "running":
        yield tr("a process is at work on it")
    elif history.state == "interrupted" and _has_open_ends(history):
        yield tr("it was interrupted: stopgap resume {run}, or stopgap undo {run}", run=history.run)
    if each.last > before:
        yield tr("its last record is of {day}", day=f"{each.last:%Y-%m-%d}")
    if standing := history.in_force():
        yield trn("{count} change of it is in force", "{count} changes of it are in force", len(standing))
    if any(change.unsettled or (change.goes_back and change.goes_back > history.as_of) for change in history.changes):
        yield tr("a device may take a change of it back")
    if lapsed := sum(change.expired and change.state == "done" for change in history.changes):
        yield trn(
            "{count} change of it lapsed and was not undone: stopgap undo {run}",
            "{count} changes of it lapsed and were not undone: stopgap undo {run}",
            lapsed,
            run=history.run,
        )
    if found := sorted(
        {name for made in history.findings for f in made.findings if (name := is_open.get((made.target, f.id)))}
    ):
        yield trn(
            "a finding of it is open: {found}", "findings of it are open: {found}", len(found), found=", ".join(found)
        )
    if not each.has_folder:
        yield tr("its folder is gone, with its evidence")
    elif not each.reported and (_changed(history) or any(made.findings for made in history.findings)):
        yield tr("no report of it was written: stopgap report {run}", run=history.run)
    if each.waits_for_store:
        yield tr("evidence of it is not in the store yet: stopgap evidence store {run}", run=history.run)
    if (name := history.started.incident) and not closed.get(name, False):
        yield tr("incident {name} is not closed", name=name)


def _needed(candidates: Iterable[Candidate], why: Why) -> Iterator[tuple[str, str]]:
    """Yield the runs that a staying run needs, each with the reason."""
    staying = [each for each in candidates if why[each.history.run]]
    incidents = {each.history.started.incident: each.history.run for each in staying if each.history.started.incident}
    mentioned = {run: each.history.run for each in staying for run in each.mentioned if run != each.history.run}
    finds = {target: each.history.run for each in staying for target in _finds_on(each.history)}
    for each in candidates:
        history = each.history
        if by := incidents.get(history.started.incident):
            yield history.run, tr("run {by} of the same incident stays", by=by)
        if by := mentioned.get(history.run):
            yield history.run, tr("run {by}, which stays, refers to it", by=by)
        for target in _decides_on(history) & set(finds):
            yield history.run, tr("it decides on findings of run {by}, which stays", by=finds[target])


def _has_open_ends(history: History) -> bool:
    return bool(history.undoable() or history.waiting or any(each.state == "unknown" for each in history.messages))


def _changed(history: History) -> bool:
    return any(change.state != "not-run" and not change.change.only_reads for change in history.changes)


def _finds_on(history: History) -> set[str]:
    return {made.target for made in history.findings if made.findings}


def _decides_on(history: History) -> set[str]:
    records: Iterable[Entry] = history.entries
    rebuilt = {e.record.target for e in records if isinstance(e.record, Asked) and e.record.question.rebuilt}
    return {decided.target for decided in decisions(history)} | rebuilt

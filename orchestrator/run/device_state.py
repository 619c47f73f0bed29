"""The present state of a run's changes on the devices: read-only, nothing is changed."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from pydantic import ValidationError

from stopgap.orchestrator.facts import UnreadableError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory, parse_inventory
from stopgap.orchestrator.journal import History, step_of
from stopgap.orchestrator.journal.error_files import own_error
from stopgap.orchestrator.journal.records import CheckJudged
from stopgap.orchestrator.plan import OutOfReach, Place, PlannedStep, Planner
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.late_look import broken
from stopgap.orchestrator.run.prove import prove
from stopgap.orchestrator.runbook import Runbook, Step, parse_runbook
from stopgap.orchestrator.secret import SecretError
from stopgap.orchestrator.source import InvalidInput, Unfit
from stopgap.orchestrator.task import Gap, Refused, Standing, Unplannable
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Seen:
    """The state of one step of a run on one device, as read from the device."""

    step: str
    target: str
    host: str
    standing: Standing | None = None
    """`None`: the state is unknown."""
    looks: tuple[str, ...] = ()
    """Results of the step's own checks of the device: the counters."""
    unreachable: str = ""
    """Why the host could not be reached."""
    trouble: str = ""
    """The reason for an unknown state of a reachable host."""
    contains: bool = False
    """The containment verdict rests on the step."""
    judged: tuple[CheckJudged, ...] = ()
    """The present results of the checks behind the verdict."""
    broken: tuple[str, ...] = ()
    """What the step had left, and does not hold any more."""
    gaps: tuple[Gap, ...] = ()
    """The present gaps of the step."""


def look_at(history: History, pool: ConnectionPool, replaced: Container[tuple[str, str]] = ()) -> Iterator[Seen]:
    """Read the state of every step with changes in force, if the task can tell. Reads only.

    `replaced` names changes repeated by a later run, by host and by the key of the Standing; the later run covers
    such changes.
    """
    standing = {(c.step, c.target): c.host for c in history.in_force()}
    if not standing:
        return
    try:
        planner, inventory = _planner(history, pool)
    except (InvalidInput, Unfit, KeyError):
        return  # Made by a version with another device language: only the journal tells the state.
    for (key, target), host in standing.items():
        step = _step(planner.runbook, key)
        if step is None or step.task not in tasks():
            continue
        places = planner.places(step, 0, inventory.hosts[target], {}) if not step.uses_results else iter(())
        if place := next((p for p in places if p.key == key), None):
            seen = _look(planner, place, history.hosts[host], pool, replaced)
            if seen:
                yield replace(seen, contains=tasks()[step.task].contains)


def _planner(history: History, pool: ConnectionPool) -> tuple[Planner, Inventory]:
    started = history.started
    inventory = parse_inventory(started.inventory_text, started.inventory_path).with_drivers(history.drivers)
    runbook = parse_runbook(started.runbook_text, started.runbook_path)
    return Planner(
        runbook, inventory, runbook.load_params(started.params), pool.look, controller=started.controller
    ), inventory


def _step(runbook: Runbook, key: str) -> Step | None:
    return next((s for s in runbook.steps if s.id == step_of(key)), None)


def _look(
    planner: Planner, place: Place, on: Host, pool: ConnectionPool, replaced: Container[tuple[str, str]]
) -> Seen | None:
    seen = Seen(place.key, place.target.name, on.name)
    try:
        found = planner.standing(place)
    except OutOfReach as error:
        judged = _prove(planner.seen_from_outside(place), pool)
        return replace(seen, unreachable=str(error), judged=tuple(judged))
    except ValidationError as error:
        return replace(seen, trouble=error.errors()[0]["msg"])
    except (UnreadableError, Refused, Unplannable, SecretError, InvalidInput) as error:
        return replace(seen, trouble=str(error))
    except Exception as error:  # an internal error of the task leaves the state unknown
        return replace(seen, trouble=own_error(error))
    if found is None:
        return None
    standing, step = found
    if (on.name, standing.key) in replaced:
        return replace(seen, standing=standing)
    judged = _prove(step, pool)
    looks = tuple(
        tr("{about}: {seen}", about=c.about, seen=c.seen)
        for c in judged
        if c.vantage == on.name and not c.containment
    )
    looks += tuple(
        tr("not looked at from {vantage}: {about}: {seen}", vantage=c.vantage, about=c.about, seen=c.seen)
        for c in judged
        if c.one_sided and c.holds is None
    )
    counting = tuple(c for c in judged if c.containment)
    lasting = {check.describe() for check in step.checks if check.lasting}
    lost = broken([c for c in judged if c.about in lasting])
    return replace(seen, standing=standing, looks=looks, judged=counting, broken=lost, gaps=step.gaps)


def _prove(step: PlannedStep, pool: ConnectionPool) -> list[CheckJudged]:
    """Run the checks of the verdict and of a lasting state once, together with those at the step's own device."""
    checks = [c for c in step.checks if c.containment or c.lasting or step.vantages(c) == (step.on,)]
    once = tuple(c.model_copy(update={"patience": 0.0, "steady": 0.0}) for c in checks)
    return prove(replace(step, checks=once), pool, threading.Event()) if once else []

"""What is really in force of a run: the devices are looked at, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from stopgap.orchestrator.facts import UnreadableError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.inventory import Inventory, parse_inventory
from stopgap.orchestrator.journal import History, step_of
from stopgap.orchestrator.plan import OutOfReach, Place, Planner
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.fleet import Fleet
from stopgap.orchestrator.runbook import Runbook, Step, parse_runbook
from stopgap.orchestrator.secret import SecretError
from stopgap.orchestrator.source import InvalidInput, Unfit
from stopgap.orchestrator.task import Refused, Standing, Unplannable


@dataclass(frozen=True)
class Seen:
    """What a look at a device showed of one step of a run."""

    step: str
    target: str
    host: str
    standing: Standing | None = None
    """None: it could not be seen."""
    looks: tuple[str, ...] = ()
    """What the step's own checks of the device show: its counters."""
    unreachable: str = ""
    """Why the host could not be reached."""
    trouble: str = ""
    """Why it could not be seen, though the host was reached."""


def look_at(history: History, fleet: Fleet) -> Iterator[Seen]:
    """Look at every step of the run of which something stands and whose task can tell. Reads only."""
    standing = {(c.step, c.target): c.host for c in history.in_force()}
    if not standing:
        return
    try:
        planner, inventory = _planner(history, fleet)
    except (InvalidInput, Unfit, KeyError):
        return  # Made by a version with another language; the journal alone tells.
    for (key, target), host in standing.items():
        step = _step(planner.runbook, key)
        if step is None or step.task not in tasks():
            continue
        places = planner.places(step, 0, inventory.hosts[target], {}) if not step.uses_results else iter(())
        if place := next((p for p in places if p.key == key), None):
            seen = _look(planner, place, history.hosts[host], fleet)
            if seen:
                yield seen


def _planner(history: History, fleet: Fleet) -> tuple[Planner, Inventory]:
    started = history.started
    inventory = parse_inventory(started.inventory_text, started.inventory_path)
    runbook = parse_runbook(started.runbook_text, started.runbook_path)
    return Planner(runbook, inventory, runbook.load_params(started.params), fleet.look), inventory


def _step(runbook: Runbook, key: str) -> Step | None:
    return next((s for s in runbook.steps if s.id == step_of(key)), None)


def _look(planner: Planner, place: Place, on: Host, fleet: Fleet) -> Seen | None:
    def seen(**rest: str) -> Seen:
        return Seen(place.key, place.target.name, on.name, **rest)  # type: ignore[arg-type]

    try:
        found = planner.standing(place)
    except OutOfReach as error:
        return seen(unreachable=str(error))
    except ValidationError as error:
        return seen(trouble=escape(error.errors()[0]["msg"]))
    except (UnreadableError, Refused, Unplannable, SecretError, InvalidInput) as error:
        return seen(trouble=str(error))
    if found is None:
        return None
    standing, checks = found
    facts: Mapping[object, object] = fleet.look([(on, check.reader()) for check in checks])  # type: ignore[assignment]
    looks = []
    for check in checks:
        fact = facts[on.name, check.reader()]
        if not isinstance(fact, Exception):
            looks.append(f"{check.describe()}: {check.judge(fact).seen}")
    return Seen(place.key, place.target.name, on.name, standing, tuple(looks))

"""A mail server in a container: stopped by the container's runtime, or frozen by its control group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.facts import MAIL_PORTS, ContainerFact
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.host import containers, units
from stopgap.tasks.host.place import Container
from stopgap.tasks.mta.host_facts import StopMtaFacts
from stopgap.tasks.mta.located import Located
from stopgap.tasks.mta.server import ROUTER_DROPS


def stop_contained(
    inside: Sequence[Located], facts: StopMtaFacts, way: Literal["stop", "freeze"]
) -> Iterator[Planned]:
    """Yield a change for each container with a mail server, or with a published mail port.

    `way`: `freeze` asks no runtime. A container with other services (LXC, nspawn) is never stopped as a whole, and a
    container that its runtime deletes once stopped is not stopped: no undo could bring the container back.
    """
    done: set[str] = set()
    for each in inside:
        if (container := each.place.container) and container.group not in done:
            done.add(container.group)
            yield from _one(each, container, facts, way)
    ids = {each.place.container.id for each in inside if each.place.container}
    for known in facts.containers:
        if ports := sorted(set(known.ports) & set(MAIL_PORTS) - ids_of(known, ids)):
            where = tr("{runtime} container {known}", runtime=known.runtime, known=known.name or known.id[:12])
            about = tr(
                "stop {where}, which publishes {ports}, and keep it stopped",
                where=where,
                ports=", ".join(map(str, ports)),
            )
            yield containers.stop(known, about)


def ids_of(known: ContainerFact, ids: set[str]) -> set[int]:
    """Return the published ports of a container among `ids`: seen to already."""
    return set(known.ports) if known.id in ids else set()


def frozen_groups(
    inside: Sequence[Located], facts: StopMtaFacts, way: Literal["stop", "freeze"]
) -> dict[str, tuple[int, ...]]:
    """Return the control groups frozen by the step or before, each with the ports that stay open."""
    found: dict[str, tuple[int, ...]] = {}
    for each in inside:
        if (container := each.place.container) and not _stopped_by(container, facts, way):
            known = _known(container, facts)
            found[container.group] = tuple(sorted({*each.ports, *(known.ports if known else ())}))
    return found


def _one(
    each: Located, container: Container, facts: StopMtaFacts, way: Literal["stop", "freeze"]
) -> Iterator[Planned]:
    known = _known(container, facts)
    named = f" ({known.name})" if known and known.name else ""
    where = container.describe() + named
    name = each.name
    yield Note(
        text=tr(
            "found: {name}, {role}, in {where}; its queue lies in the container",
            name=name,
            role=each.role,
            where=where,
        )
    )
    if known and _stopped_by(container, facts, way):
        yield _stop(each, known, where, facts)
        return
    if not containers.is_frozen(container, each.processes, facts.placed):
        about = tr("freeze {name} in {where}", name=name, where=where)
        change = containers.freeze(container, each.processes, facts.placed, about)
        if change is None:
            yield Gap(
                text=tr("{name} in {where} cannot be frozen: stop it there", name=name, where=where),
                at_best=ROUTER_DROPS,
            )
            return
        yield change
    yield Gap(
        text=tr(
            "{name} in {where} is frozen, not stopped: its ports take connections and answer nothing, so "
            "that senders wait and try again",
            name=name,
            where=where,
        ),
        at_best=ROUTER_DROPS,
    )


def _stop(each: Located, known: ContainerFact, where: str, facts: StopMtaFacts) -> RunCommands:
    about = tr("stop {each} with {where}, and keep it stopped", each=each.name, where=where)
    unit = next((unit for unit in facts.units if unit.name == known.unit), None)
    if unit:
        moves = units.hold([unit], facts.drop_in_directories)
        return RunCommands(
            about=tr("{about}: {state}", about=about, state=units.describe(unit)),
            do=moves.do,
            undo=moves.undo,
            expects=moves.expects,
        )
    if known.restart not in {"", "no"}:
        about = tr("{about} (restart policy {restart})", about=about, restart=known.restart)
    return containers.stop(known, about)


def _stopped_by(container: Container, facts: StopMtaFacts, way: Literal["stop", "freeze"]) -> bool:
    """Return True if the runtime stops the container; otherwise the control group is frozen."""
    known = _known(container, facts)
    return bool(known and way == "stop" and not container.system and not known.removes)


def _known(container: Container, facts: StopMtaFacts) -> ContainerFact | None:
    return next((each for each in facts.containers if container.id and each.id == container.id), None)

"""Stopping the mail server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import field_validator

from stopgap.orchestrator import facts as read
from stopgap.orchestrator.change import RunCommands, write_file
from stopgap.orchestrator.check import Check, NoListener, Port
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Facts, Gap, Note, Parameters, Planned, Probe, Task, Unlimited, Unplannable
from stopgap.tasks.host import initscripts, units
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.no_process import NoProcess
from stopgap.tasks.mta.server import MailServer, Queue
from stopgap.tasks.mta.servers import servers

PORTS = (25, 465, 587, 2525)
"""SMTP, submission over TLS, submission, and what hosting companies offer beside them."""
SENDERS_GIVE_UP = timedelta(days=4)
"""RFC 5321 section 4.5.4.1: a sender should go on trying for 4 to 5 days."""
ACT_BEFORE = timedelta(hours=72)
"""A day before the first sender gives up."""
_ROUTER_DROPS = Unlimited(why="what a mail server sends meets the block as everything else of the host does")
PATIENCE = 10.0
"""Seconds; a port can stay open for a moment after the service manager has said that it is stopped."""


class StopMtaParams(Parameters):
    """No parameters: the task stops every mail server found."""


class StopMtaFacts(Facts):
    """Mail servers of the host, by service manager and processes, with queues."""

    system: read.SystemFact
    units: tuple[read.UnitFact, ...] = ()
    drop_in_directories: tuple[str, ...] = ()
    scripts: tuple[read.InitScriptFact, ...] = ()
    processes: tuple[read.ProcessFact, ...] = ()
    queues: Mapping[str, Any] = {}
    """Key of a mail server → the list of the queue."""
    hooks: Mapping[str, read.FileFact] = {}
    """Key of a mail server → the hook."""

    @field_validator("queues", mode="before")
    @classmethod
    def _typed(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {s.key: s.Listed.model_validate(given[s.key]) for s in servers() if s.key in given}


class StopMta(Task[StopMtaParams, StopMtaFacts]):
    """Stop the mail server, so that senders queue and retry instead of bouncing.

    The step stops every mail server found, of those listed below, and keeps each server from starting, under systemd
    and sysvinit. The queue stays unchanged: no flush, no deletion. A server neither running nor started at boot is
    left alone.
    """

    name = "mta.stop"
    outage = True

    def appendix(self) -> Iterator[str]:
        """Yield the names of the mail servers known."""
        yield f"Mail servers: {', '.join(server.name for server in servers())}"

    def probe(self, params: StopMtaParams, scene: Scene) -> Probe:
        """Read services, processes and queues."""
        return {
            "system": read.System(initscripts.SWITCHES),
            "units": read.Units(tuple(name for server in servers() for name in server.units)),
            "drop_in_directories": read.Glob("/etc/systemd/system/*.d"),
            "scripts": read.InitScripts(tuple(name for server in servers() for name in server.scripts)),
            "processes": read.Processes(),
            **{f"queues.{server.key}": server.queue for server in servers()},
            **{f"hooks.{server.key}": read.File(server.hook) for server in servers() if server.hook},
        }

    def plan(self, params: StopMtaParams, facts: StopMtaFacts, scene: Scene) -> Iterator[Planned]:
        """Yield a change for each running or enabled mail server, and a note on the queue."""
        present = [server for server in servers() if _is_present(server, facts)]
        if not present:
            yield Note(text="no mail server here, as far as Stopgap knows mail servers (`stopgap tasks mta.stop`)")
        stopping = False
        for server in present:
            if stop := _stop(server, facts):
                stopping = True
                yield stop
            yield from _silence(server, facts)
            yield from _queue(server, facts, stopping=stop is not None)
            yield from (Gap(text=text, at_best=_ROUTER_DROPS) for text in server.uncovered)
        if present and facts.system.init == "sysvinit":
            yield Gap(
                text="no service can be masked without systemd: whoever starts the mail server by hand succeeds",
                at_best=_ROUTER_DROPS,
            )
        if stopping:
            yield Note(
                text="senders keep mail back and try again; the first give up from {at}", after=SENDERS_GIVE_UP
            )
            yield Note(text="have mail accepted again, here or elsewhere, before {at}", after=ACT_BEFORE)

    def checks(self, params: StopMtaParams, facts: StopMtaFacts, scene: Scene) -> Iterator[Check]:
        """Look for listeners and processes on the host, and knock from elsewhere."""
        yield NoListener(ports=PORTS, patience=PATIENCE)
        yield NoProcess(
            whose="a mail server",
            programs=tuple(program for server in servers() for program in server.programs),
            commands=tuple(name for server in servers() for name in server.commands),
            patience=PATIENCE,
        )
        for address in scene.target.addresses:
            yield Port(vantage="controller", address=address, port=25, expect="closed", patience=PATIENCE)
            if scene.outside:
                yield Port(vantage="outside", address=address, port=25, expect="closed", patience=PATIENCE)


def _is_present(server: MailServer[Any, Any], facts: StopMtaFacts) -> bool:
    return bool(
        server.units_among(facts.units) or server.scripts_among(facts.scripts) or server.runs_among(facts.processes)
    )


def _stop(server: MailServer[Any, Any], facts: StopMtaFacts) -> RunCommands | None:
    running = server.runs_among(facts.processes)
    match facts.system.init:
        case "systemd":
            held, managed, state = _hold_units(server, facts)
        case "sysvinit":
            held, managed, state = _hold_scripts(server, facts, running=running)
        case other:
            raise Unplannable(f"{server.name} is here, and how to stop it under init system {other!r} is not known")
    ended = server.end(managed=managed) if running else Moves((), ())
    if not (held.do or ended.do):
        return None
    return RunCommands(
        about=f"stop {server.name} and keep it stopped: {state or 'no service runs it'}",
        do=held.do + ended.do,
        undo=held.undo + ended.undo,
        expects=held.expects if held.do else None,
        undo_about="" if held.undo + ended.undo else "nothing was running that could be started again",
    )


def _hold_units(server: MailServer[Any, Any], facts: StopMtaFacts) -> tuple[Moves, bool, str]:
    mine = server.units_among(facts.units)
    active = any(units.is_active(unit) for unit in mine)
    if not active and not any(_starts_at_boot(unit, facts) for unit in mine):
        return Moves((), ()), False, ""
    return units.hold(mine, facts.drop_in_directories), active, ", ".join(units.describe(unit) for unit in mine)


def _starts_at_boot(unit: read.UnitFact, facts: StopMtaFacts) -> bool:
    """Return True if the unit starts at boot: directly, or for a generated unit by the init script's links."""
    if units.is_held(unit) or "@" in unit.name:
        return False
    if unit.enabled == "generated":
        return any(initscripts.levels(s) for s in facts.scripts if f"{s.name}.service" == unit.name)
    return units.starts_by_itself(unit)


def _hold_scripts(server: MailServer[Any, Any], facts: StopMtaFacts, *, running: bool) -> tuple[Moves, bool, str]:
    mine = server.scripts_among(facts.scripts)
    moves = [initscripts.hold(script, running=running, programs=facts.system.programs) for script in mine]
    state = ", ".join(initscripts.describe(script, running=running) for script in mine)
    return (
        Moves(tuple(c for m in moves for c in m.do), tuple(c for m in moves for c in m.undo)),
        running and bool(mine),
        state,
    )


def _silence(server: MailServer[Any, Any], facts: StopMtaFacts) -> Iterator[Planned]:
    """Take the execute bits off the hook."""
    hook = facts.hooks.get(server.key, read.ABSENT)
    if server.hook and hook.kind == "file" and hook.mode & 0o111 and hook.content is not None:
        change = write_file(server.hook, hook.content, hook, mode=hook.mode & ~0o111)
        if change:
            yield change


def _queue(server: MailServer[Any, Any], facts: StopMtaFacts, *, stopping: bool) -> Iterator[Note]:
    queue: Queue | None = server.queued(facts.queues[server.key]) if server.key in facts.queues else None
    if queue is None:
        yield Note(text=f"{server.name}'s queue could not be listed; it is left as it lies")
        return
    least = "" if queue.whole else "at least "
    oldest = f", the oldest {queue.oldest}" if queue.oldest else ""
    messages = "1 message stays" if queue.messages == 1 else f"{queue.messages} messages stay"
    yield Note(text=f"{server.name}: {least}{messages} queued{oldest}")
    if stopping and queue.messages:
        yield Note(text=f"before an undo, look at the queue for the intruder's mail: {server.show_queue}")

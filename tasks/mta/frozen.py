"""Processes of mail that no service runs: frozen by a signal, so that nothing is lost; the undo continues each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stopgap.orchestrator.change import FreezeChange, Frozen
from stopgap.orchestrator.facts import PlacedFact, PlacedProcess
from stopgap.tasks.mta.located import Located
from stopgap.tasks.mta.server import is_one_of

STOPPED = frozenset("Tt")
"""States of proc(5) of a process that a signal has stopped."""
OTHERS = (22, 53, 80, 443)
"""Ports of services that nobody stops for the sake of mail."""
_NEVER = frozenset({"sshd", "dropbear", "tinysshd", "systemd", "init", "runsvdir", "svscan", "supervisord"})


def deliveries(running: Sequence[Located]) -> Iterator[PlacedProcess]:
    """Yield the processes that deliver one message each."""
    for each in running:
        patterns = each.server.deliveries if each.server else ()
        yield from (p for p in each.processes if p.exe and is_one_of(p, patterns, ()))


def can_freeze(processes: Sequence[PlacedProcess], facts: PlacedFact) -> bool:
    """Return False for processes that carry the connection, keep others running, or serve more than mail."""
    ports = {listener.port for process in processes for listener in process.listens}
    names = {name for p in processes for name in (p.name, p.exe.rpartition("/")[2])}
    return not (ports & set(OTHERS) or names & _NEVER or facts.carrying() & {process.pid for process in processes})


def freeze(processes: Sequence[PlacedProcess], facts: PlacedFact) -> FreezeChange | None:
    """Return the change to freeze the processes that are not stopped yet; None if none is left, or none may be."""
    moving = [process for process in processes if process.state not in STOPPED]
    if not moving or not can_freeze(moving, facts):
        return None
    return FreezeChange(boot=facts.boot, processes=tuple(map(named, moving)))


def named(process: PlacedProcess) -> Frozen:
    """Return the process, identified by PID, start time and program."""
    started = process.started
    exe = process.exe.encode("utf-8", "surrogateescape") or None
    return Frozen(pid=process.pid, oldest=started, youngest=started, name=process.name, exe=exe)

"""OpenRC services: commands to stop a service and to take it out of its runlevels, with the undo."""

from __future__ import annotations

import re

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import InitScriptFact
from stopgap.tasks.host.initscripts import state_of
from stopgap.tasks.host.units import Moves

PROGRAMS = frozenset({"rc-service", "rc-update"})
_LEVEL = re.compile(r"/etc/runlevels/([^/]+)/[^/]+")


def levels(script: InitScriptFact) -> tuple[str, ...]:
    """Return the runlevels that start the service."""
    return tuple(sorted({match[1] for link in script.links if (match := _LEVEL.fullmatch(link))}))


def hold(script: InitScriptFact, *, running: bool) -> Moves:
    """Return commands to stop a running service and to take it out of its runlevels; empty if neither is needed."""
    off = tuple(command("rc-update", "del", script.name, level) for level in levels(script))
    on = tuple(command("rc-update", "add", script.name, level) for level in levels(script))
    stop = (command("rc-service", script.name, "stop"),) if running else ()
    start = (command("rc-service", script.name, "start"),) if running else ()
    return Moves((*off, *stop), (*on, *start))


def describe(script: InitScriptFact, *, running: bool) -> str:
    """Return the name with the state: `postfix (running, runlevels default)`."""
    return state_of(script.name, levels(script), running=running)

"""sysvinit services: commands to stop and disable a service, with the undo."""

from __future__ import annotations

import re
from collections.abc import Collection

from stopgap.orchestrator.change import Command, command
from stopgap.orchestrator.facts import InitScriptFact
from stopgap.orchestrator.task import Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.host.units import Moves

SWITCHES = ("update-rc.d", "chkconfig")
"""Programs to enable and disable a service at boot: Debian's, then Red Hat's."""
_STARTS = re.compile(r"/etc/rc([S2-5])\.d/S\d\d")
USUAL_LEVELS = ("2", "3", "4", "5")
"""Default runlevels of a service."""


def levels(script: InitScriptFact) -> tuple[str, ...]:
    """Return the runlevels of the script's start links."""
    return tuple(sorted({match[1] for link in script.links if (match := _STARTS.match(link))}))


def hold(script: InitScriptFact, *, running: bool, programs: Collection[str]) -> Moves:
    """Return commands to stop a running service and to disable the start at boot; empty if neither is needed.

    `programs` are the members of SWITCHES installed on the host. Raises Unplannable if a service starts at boot and
    no such program is installed.
    """
    wanted = levels(script)
    stop = (drive(script.name, "stop"),) if running else ()
    start = (drive(script.name, "start"),) if running else ()
    off = (switch(script.name, wanted, programs, on=False),) if wanted else ()
    on = (switch(script.name, wanted, programs, on=True),) if wanted else ()
    return Moves((*off, *stop), (*on, *start))


def switch(name: str, wanted: Collection[str], programs: Collection[str], *, on: bool) -> Command:
    """Turn a service on or off in some runlevels."""
    if "update-rc.d" in programs:
        some = () if tuple(sorted(wanted)) == USUAL_LEVELS else tuple(sorted(wanted))
        return command("update-rc.d", name, "enable" if on else "disable", *some)
    if "chkconfig" in programs:
        return command("chkconfig", "--level", "".join(sorted(wanted)), name, "on" if on else "off")
    raise Unplannable(
        tr(
            "{name} starts at boot, and there is neither {switches} to change that",
            name=name,
            switches=" nor ".join(SWITCHES),
        )
    )


def describe(script: InitScriptFact, *, running: bool) -> str:
    """Return the name with the state: `exim4 (running, runlevels 2 3 4 5)`."""
    return state_of(script.name, levels(script), running=running)


def state_of(name: str, runlevels: Collection[str], *, running: bool) -> str:
    """Return the name of a service with its state, from the runlevels that start it."""
    state = [
        *([tr("running")] if running else []),
        *([tr("runlevels {script}", script=" ".join(runlevels))] if runlevels else []),
    ]
    return tr("{script} ({state})", script=name, state=joined(", ", state) or tr("off"))


def drive(name: str, verb: str) -> Command:
    """Start or stop a service (service(8))."""
    return command("service", name, verb)

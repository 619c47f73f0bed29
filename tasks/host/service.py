"""Starting, stopping, enabling and disabling a service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from stopgap.orchestrator import facts as read
from stopgap.orchestrator.change import Command, RunCommands, command
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Facts, Parameters, Planned, Probe, Task, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.host import initscripts, units
from stopgap.tasks.host.units import ROOT_PROGRAMS, Moves

_SUFFIXES = (".service", ".socket", ".timer", ".path", ".target", ".mount", ".slice", ".scope", ".automount", ".swap")


class HostServiceParams(Parameters):
    """The service, and the wanted state."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9:_.\\@-]*$")] = Field(
        description="Name of the service, such as `cron`; a systemd unit of another type with suffix, `cups.socket`."
    )
    state: Literal["started", "stopped"] | None = Field(
        default=None, description="Wanted run state; default: unchanged."
    )
    enabled: bool | Literal["masked"] | None = Field(
        default=None,
        description="Start at boot; `masked`: no start at all (only systemd). Default: unchanged.",
    )
    process: str | None = Field(
        default=None,
        description="Name of the service's process, to detect the run state without help from the init system. "
        "Default: the name of the service.",
    )

    @field_validator("enabled", mode="before")
    @classmethod
    def _only_real_booleans(cls, value: object) -> object:
        if value is None or isinstance(value, bool) or value == "masked":
            return value
        raise ValueError(tr("true, false or masked"))

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.state is None and self.enabled is None:
            raise ValueError(tr("give `state`, `enabled` or both"))
        if self.state == "started" and self.enabled == "masked":
            raise ValueError(tr("what is masked cannot be started"))
        return self


class HostServiceFacts(Facts):
    """State of the service, according to systemd or to the init scripts."""

    system: read.SystemFact
    units: tuple[read.UnitFact, ...] = ()
    drop_in_directories: tuple[str, ...] = ()
    scripts: tuple[read.InitScriptFact, ...] = ()
    processes: tuple[read.ProcessFact, ...] = ()


class HostService(Task[HostServiceParams, HostServiceFacts]):
    """Start or stop a service, and say whether it starts at boot.

    The undo restores the previous state: running or stopped; enabled, disabled or masked.
    """

    name = "host.service"
    vantages = ("target", "upstream", "spare", "controller")

    def root_programs(self) -> frozenset[str]:
        """Return the programs for services."""
        return ROOT_PROGRAMS

    def probe(self, params: HostServiceParams, scene: Scene) -> Probe:
        """Read the service's state."""
        return {
            "system": read.System(initscripts.SWITCHES),
            "units": read.Units((_unit_name(params.name),)),
            "drop_in_directories": read.Glob("/etc/systemd/system/*.d"),
            "scripts": read.InitScripts((params.name,)),
            "processes": read.Processes(),
        }

    def plan(self, params: HostServiceParams, facts: HostServiceFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the commands still needed."""
        match facts.system.init:
            case "systemd":
                moves, was = _by_systemd(params, facts)
            case "sysvinit":
                moves, was = _by_init_script(params, facts)
            case other:
                raise Unplannable(
                    tr("how to drive services under init system {other} is not known", other=f"{other!r}")
                )
        if moves.do:
            yield RunCommands(
                about=tr("{wish}: {state}", wish=_wish(params), state=was),
                do=moves.do,
                undo=moves.undo,
                expects=moves.expects,
            )


def _wish(params: HostServiceParams) -> str:
    boot = {True: tr("enable"), False: tr("disable"), "masked": tr("mask"), None: ""}[params.enabled]
    now = {"started": tr("start"), "stopped": tr("stop"), None: ""}[params.state]
    return joined(" and ", filter(None, (boot, now)))


def _unit_name(name: str) -> str:
    return name if name.endswith(_SUFFIXES) else f"{name}.service"


def _by_systemd(params: HostServiceParams, facts: HostServiceFacts) -> tuple[Moves, str]:
    unit = next((u for u in facts.units if units.is_known(u)), None)
    if unit is None:
        raise Unplannable(tr("systemd knows no {params}", params=_unit_name(params.name)))
    if params.enabled == "masked":
        return units.hold([unit], facts.drop_in_directories, stop=params.state == "stopped"), units.describe(unit)
    boot = _enable(unit) if params.enabled else _disable(unit) if params.enabled is False else Moves((), ())
    now = _run(unit, params.state)
    boots = {unit.name: "starting" if params.enabled else "off"} if boot.do else {}
    runs: Literal["running", "stopped"] = "running" if params.state == "started" else "stopped"
    expects = units.expectation([unit], boots, now=runs if now.do else None)
    return Moves(boot.do + now.do, boot.undo + now.undo, expects), units.describe(unit)


def _enable(unit: read.UnitFact) -> Moves:
    if units.is_masked(unit):
        # A mask hides the state below: the undo restores the mask and leaves the state below unchanged.
        return Moves(
            (command("systemctl", "unmask", unit.name), command("systemctl", "enable", unit.name)),
            (command("systemctl", "mask", unit.name),),
        )
    if unit.enabled in {"static", "transient"}:
        raise Unplannable(tr("{unit} has no [Install] section: nothing can enable it", unit=unit.name))
    if units.starts_by_itself(unit):
        return Moves((), ())
    return Moves((command("systemctl", "enable", unit.name),), (command("systemctl", "disable", unit.name),))


def _disable(unit: read.UnitFact) -> Moves:
    if units.is_masked(unit) or not units.starts_by_itself(unit):
        return Moves((), ())
    return Moves((command("systemctl", "disable", unit.name),), (command("systemctl", "enable", unit.name),))


def _run(unit: read.UnitFact, state: Literal["started", "stopped"] | None) -> Moves:
    start, stop = command("systemctl", "start", unit.name), command("systemctl", "stop", unit.name)
    if state == "started" and not units.is_active(unit):
        return Moves((start,), (stop,))
    if state == "stopped" and units.is_active(unit):
        return Moves((stop,), (start,))
    return Moves((), ())


def _by_init_script(params: HostServiceParams, facts: HostServiceFacts) -> tuple[Moves, str]:
    script = next((s for s in facts.scripts if s.exists), None)
    if script is None:
        raise Unplannable(tr("there is no /etc/init.d/{params}", params=params.name))
    if params.enabled == "masked":
        raise Unplannable(tr("without systemd, nothing can be masked: use `enabled: false`"))
    process = params.process or params.name
    running = any(process in {p.name, p.exe.rpartition("/")[2]} for p in facts.processes)
    starts = initscripts.levels(script)
    do: list[Command] = []
    undo: list[Command] = []
    if params.enabled is not None and params.enabled != bool(starts):
        levels = starts or initscripts.USUAL_LEVELS
        do.append(initscripts.switch(script.name, levels, facts.system.programs, on=params.enabled))
        undo.append(initscripts.switch(script.name, levels, facts.system.programs, on=not params.enabled))
    if params.state is not None and (params.state == "started") != running:
        verbs = ("start", "stop") if params.state == "started" else ("stop", "start")
        do.append(initscripts.drive(script.name, verbs[0]))
        undo.append(initscripts.drive(script.name, verbs[1]))
    return Moves(tuple(do), tuple(undo)), initscripts.describe(script, running=running)

"""systemd units: state, and commands to stop and disable units, with the undo."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from stopgap.orchestrator.change import Command, Expectation, command
from stopgap.orchestrator.facts import UnitFact

ROOT_PROGRAMS = frozenset({"systemctl", "service", "chkconfig", "update-rc.d", "install", "rm"})
"""Programs of the changes here that only root may use: for services, and for files of the administrator."""
_LOCAL = "/etc/systemd/system/"
DROP_IN = "zz-stopgap.conf"
"""Name of the drop-in file that keeps a unit from starting."""
_NEVER = "[Unit]\nConditionPathExists=!/\n"
"""An always false condition (systemd.unit(5)), in addition to the unit's own conditions."""
_STARTS = ("enabled", "enabled-runtime", "generated", "linked", "linked-runtime", "alias")
_RUNS = ("active", "activating", "reloading", "refreshing")
_LOOK = f"""\
# Arguments: a unit, how it was, how the change left it; and so on. Prints `left`, `before`, or what another has made.
found=before
while [ $# -gt 0 ]; do
    boot=off now=stopped
    shown=$(systemctl show -p LoadState,ActiveState,UnitFileState -- "$1") || exit 1
    for line in $shown; do
        case $line in
            LoadState=masked | UnitFileState=masked*) boot=masked ;;
            {" | ".join(f"ActiveState={state}" for state in _RUNS)}) now=running ;;
            {" | ".join(f"UnitFileState={state}" for state in _STARTS)}) [ $boot = masked ] || boot=starting ;;
        esac
    done
    [ $boot = masked ] || [ ! -e {_LOCAL}"$1".d/{DROP_IN} ] || boot=held
    case "$boot $now" in
        "$2") ;;
        "$3") found=left ;;
        *) echo "$1 $boot $now"; exit ;;
    esac
    shift 3
done
echo $found
"""


class Moves(NamedTuple):
    """Commands, with the commands of the undo."""

    do: tuple[Command, ...]
    undo: tuple[Command, ...]
    expects: Expectation | None = None
    """Expected state before the undo."""


def is_known(unit: UnitFact) -> bool:
    """Return True if systemd knows the unit, or a mask of the unit."""
    return unit.load != "not-found"


def is_active(unit: UnitFact) -> bool:
    """Return True if the unit runs or is starting."""
    return unit.active in _RUNS


def is_masked(unit: UnitFact) -> bool:
    """Return True if the unit is masked: no start is possible."""
    return unit.enabled in {"masked", "masked-runtime"} or unit.load == "masked"


def is_held(unit: UnitFact) -> bool:
    """Return True if the unit is masked, or held by a drop-in condition written by `hold`."""
    return is_masked(unit) or _drop_in(unit) in unit.drop_ins


def starts_by_itself(unit: UnitFact) -> bool:
    """Return True if the unit starts at boot."""
    return unit.enabled in _STARTS


def describe(unit: UnitFact) -> str:
    """Return the name with the state: `postfix.service (active, enabled)`."""
    return f"{unit.name} ({', '.join(filter(None, (unit.active, unit.enabled)))})"


def expectation(
    units: Sequence[UnitFact], boots: Mapping[str, str], *, now: Literal["running", "stopped"] | None = None
) -> Expectation:
    """Return the expectation of units as left by a change; units back in the previous state count as undone already.

    `boots` maps the name of a changed unit to `masked`, `held`, `starting` (at boot) or `off`; other units are
    expected unchanged. `now` is the expected run state; None: unchanged.
    """
    words: list[str] = []
    for unit in units:
        was, ran = _boot(unit), "running" if is_active(unit) else "stopped"
        words += [unit.name, f"{was} {ran}", f"{boots.get(unit.name, was)} {now or ran}"]
    return Expectation(look=command("sh", "-s", "--", *words, stdin=_LOOK), left=("left",), gone=("before",))


def drop_in_directory(unit: UnitFact) -> str:
    """Return the path of the unit's local drop-in directory."""
    return f"{_LOCAL}{unit.name}.d"


def hold(units: Sequence[UnitFact], directories: Collection[str], *, stop: bool = True) -> Moves:
    """Return commands to keep units from starting, by any dependency, and to stop running units unless `stop` is
    False.

    `directories` are the existing drop-in directories (`/etc/systemd/system/*.d`). A unit file in
    /etc/systemd/system, or linked from there, cannot be masked (systemctl(1), `mask`): such a unit gets a drop-in.
    The undo unmasks the masked units and starts the units active before; wants and links stay unchanged.
    """
    free = [unit for unit in units if not is_held(unit)]
    conditioned = [unit for unit in free if _has_local_file(unit)]
    masked = [unit.name for unit in free if unit not in conditioned]
    running = [unit for unit in units if stop and is_active(unit)]
    do: list[Command] = []
    undo: list[Command] = []
    if masked:
        do.append(command("systemctl", "mask", *(("--now",) if stop else ()), *masked))
        undo.append(command("systemctl", "unmask", *masked))
    for unit in conditioned:
        directory = drop_in_directory(unit)
        do.append(command("install", "-D", "-m", "0644", "/dev/stdin", _drop_in(unit), stdin=_NEVER))
        undo.append(command("rm", "-f", _drop_in(unit)))
        if directory not in directories:
            undo.append(command("rmdir", "--ignore-fail-on-non-empty", directory, ok=(0, 1)))
    if conditioned:
        do.append(command("systemctl", "daemon-reload"))
        undo.append(command("systemctl", "daemon-reload"))
    if late := [unit.name for unit in running if unit.name not in masked]:
        do.append(command("systemctl", "stop", *late))
    boots = {unit.name: "held" if unit in conditioned else "masked" for unit in free}
    return Moves(tuple(do), (*undo, *_start(running)), expectation(units, boots, now="stopped" if stop else None))


def _start(units: Sequence[UnitFact]) -> tuple[Command, ...]:
    """Return commands to start units; units that ran while masked are masked again afterwards."""
    if not units:
        return ()
    start = command("systemctl", "start", *(unit.name for unit in units))
    if not (masked := [unit for unit in units if is_masked(unit)]):
        return (start,)
    return (
        command("systemctl", "unmask", *(unit.name for unit in masked)),
        start,
        *(
            command("systemctl", "mask", *(("--runtime",) if unit.enabled == "masked-runtime" else ()), unit.name)
            for unit in masked
        ),
    )


def _has_local_file(unit: UnitFact) -> bool:
    return unit.path.startswith(_LOCAL) or unit.enabled.startswith("linked")


def _drop_in(unit: UnitFact) -> str:
    return f"{drop_in_directory(unit)}/{DROP_IN}"


def _boot(unit: UnitFact) -> str:
    if is_held(unit):
        return "masked" if is_masked(unit) else "held"
    return "starting" if starts_by_itself(unit) else "off"

"""systemd units: what they are, and the commands that stop them and keep them from starting, with the way back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from stopgap.orchestrator.change import Command, Expectation, command
from stopgap.orchestrator.facts import UnitFact

_LOCAL = "/etc/systemd/system/"
_DROP_IN = "zz-stopgap.conf"
_NEVER = "[Unit]\nConditionPathExists=!/\n"
"""A condition that no host meets (systemd.unit(5)); it holds beside any other that the unit has."""
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
    [ $boot = masked ] || [ ! -e {_LOCAL}"$1".d/{_DROP_IN} ] || boot=held
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
    """Commands, and those that take them back."""

    do: tuple[Command, ...]
    undo: tuple[Command, ...]
    expects: Expectation | None = None
    """What has to stand before they are taken back."""


def is_known(unit: UnitFact) -> bool:
    """There is a unit of this name, or a mask for it."""
    return unit.load != "not-found"


def is_active(unit: UnitFact) -> bool:
    """It runs, or is about to."""
    return unit.active in _RUNS


def is_masked(unit: UnitFact) -> bool:
    """Nothing can start it."""
    return unit.enabled in {"masked", "masked-runtime"} or unit.load == "masked"


def is_held(unit: UnitFact) -> bool:
    """It is masked, or kept from starting by a condition that `hold` has put there."""
    return is_masked(unit) or _drop_in(unit) in unit.drop_ins


def starts_by_itself(unit: UnitFact) -> bool:
    """Something starts it at boot."""
    return unit.enabled in _STARTS


def describe(unit: UnitFact) -> str:
    """Name it, with its state: `postfix.service (active, enabled)`."""
    return f"{unit.name} ({', '.join(filter(None, (unit.active, unit.enabled)))})"


def expectation(
    units: Sequence[UnitFact], boots: Mapping[str, str], *, now: Literal["running", "stopped"] | None = None
) -> Expectation:
    """Expect units as a change has left them; a unit that is again as it was counts as taken back already.

    `boots` says by name which are `masked`, `held`, `starting` at boot or `off`, the others being as before;
    `now` whether they run, None: as before.
    """
    words: list[str] = []
    for unit in units:
        was, ran = _boot(unit), "running" if is_active(unit) else "stopped"
        words += [unit.name, f"{was} {ran}", f"{boots.get(unit.name, was)} {now or ran}"]
    return Expectation(look=command("sh", "-s", "--", *words, stdin=_LOOK), left=("left",), gone=("before",))


def drop_in_directory(unit: UnitFact) -> str:
    """Where a file of this host adds to the unit."""
    return f"{_LOCAL}{unit.name}.d"


def hold(units: Sequence[UnitFact], directories: Collection[str], *, stop: bool = True) -> Moves:
    """Keep units from starting, by whatever wants them, and stop those that run unless `stop` is False.

    `directories` are the drop-in directories there are already (`/etc/systemd/system/*.d`). A unit whose file
    lies in /etc/systemd/system, or is linked there, cannot be masked (systemctl(1), `mask`): it gets a drop-in.
    The undo brings back what was masked, and starts what was active; wants and links were never touched.
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
    """Start units; one that ran although it was masked is masked again afterwards."""
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
    return f"{drop_in_directory(unit)}/{_DROP_IN}"


def _boot(unit: UnitFact) -> str:
    if is_held(unit):
        return "masked" if is_masked(unit) else "held"
    return "starting" if starts_by_itself(unit) else "off"

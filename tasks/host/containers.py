"""Containers: commands to stop or freeze a container, with the undo."""

from __future__ import annotations

from collections.abc import Sequence

from stopgap.orchestrator.change import Command, Expectation, FreezeChange, Frozen, RunCommands, command
from stopgap.orchestrator.facts import ContainerFact, PlacedFact, PlacedProcess
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.place import Container

_GRACE = "30"
"""Seconds for the container's first process to end by itself."""
_GROUP = """\
# Arguments: a control group and the state wanted, `look` for the present one. Version 2 first (cgroup.freeze), then
# the freezer of version 1.
for place in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    f=$place$1/cgroup.freeze
    [ -e "$f" ] || continue
    case $2 in
        look) read -r is <"$f"; case $is in 1) echo frozen ;; *) echo thawed ;; esac ;;
        frozen) echo 1 >"$f" ;;
        thawed) echo 0 >"$f" ;;
    esac
    exit
done
f=/sys/fs/cgroup/freezer$1/freezer.state
if [ ! -e "$f" ]; then [ "$2" != look ] || echo gone; [ "$2" != frozen ]; exit; fi
case $2 in
    look) read -r is <"$f"; case $is in THAWED) echo thawed ;; *) echo frozen ;; esac ;;
    frozen) echo FROZEN >"$f" ;;
    thawed) echo THAWED >"$f" ;;
esac
"""


def stop(known: ContainerFact, about: str) -> RunCommands:
    """Return the change to stop a container by its runtime and to keep it stopped.

    docker's restart policy is set to `no` and put back by the undo; podman restarts no container stopped by a person.
    """
    runtime, ident = known.runtime, known.id
    if runtime == "podman":
        return RunCommands(
            about=about,
            do=(command("podman", "stop", "-t", _GRACE, ident),),
            undo=(command("podman", "start", ident),),
            expects=Expectation(
                look=command("podman", "inspect", "--type", "container", "--format", "{{.State.Running}}", ident),
                left=("false",),
                gone=("true",),
            ),
        )
    policy = known.restart or "no"
    retries = f":{known.retries}" if policy == "on-failure" and known.retries else ""
    shown = "{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}"
    return RunCommands(
        about=about,
        do=(
            command("docker", "update", "--restart=no", ident),
            command("docker", "stop", "-t", _GRACE, ident),
        ),
        undo=(
            command("docker", "update", f"--restart={policy}{retries}", ident),
            command("docker", "start", ident),
        ),
        expects=Expectation(
            look=command("docker", "inspect", "--type", "container", "--format", shown, ident),
            left=("false no",),
            gone=(f"true {policy}",),
        ),
    )


def freeze(
    container: Container, processes: Sequence[PlacedProcess], facts: PlacedFact, about: str
) -> RunCommands | FreezeChange | None:
    """Return the change to freeze a container by its control group; without a group of its own, process by process.

    None if a process of the operator's connection, or init, is among the processes.
    """
    inside = [p for p in facts.processes if _within(p, container)]
    if facts.carrying() & {process.pid for process in inside or processes}:
        return None
    if not container.group:
        frozen = tuple(
            Frozen(pid=p.pid, oldest=p.started, youngest=p.started, name=p.name, exe=p.exe.encode() or None)
            for p in processes
        )
        return FreezeChange(boot=facts.boot, processes=frozen)
    return RunCommands(
        about=about,
        do=(_group(container.group, "frozen"),),
        undo=(_group(container.group, "thawed"),),
        undo_about=tr("thaw the control group {group}", group=container.group),
        expects=Expectation(look=_group(container.group, "look"), left=("frozen",), gone=("thawed", "gone")),
    )


def is_frozen(container: Container, processes: Sequence[PlacedProcess], facts: PlacedFact) -> bool:
    """Return True if the container's control group is frozen, or if a signal stopped every one of the processes."""
    by_group = any(_below(container.group, group) for group in facts.frozen) if container.group else False
    return by_group or all(process.state in {"T", "t"} for process in processes)


def _within(process: PlacedProcess, container: Container) -> bool:
    paths = [line.split(":", 2)[-1] for line in process.cgroup.split(";")]
    return bool(container.group) and any(_below(path, container.group) for path in paths)


def _below(path: str, group: str) -> bool:
    return path == group or path.startswith(f"{group}/")


def _group(path: str, state: str) -> Command:
    words = {"frozen": "freeze the control group", "thawed": "thaw the control group"}
    shown = f"{words[state]} {path}" if state in words else ""
    return Command(argv=("sh", "-s", "--", path, state), stdin=_GROUP, shown=shown)

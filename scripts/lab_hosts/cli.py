"""What a person types: `scripts/lab COMMAND …`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .failure import LabError
from .state import NAMESPACES, ROOT, require_own
from .topology import BY_NAME, Node

USAGE = """\
usage: scripts/lab up                 bring the lab up; returns once everything answers
       scripts/lab down               take it down, leave nothing
       scripts/lab status             a line a host; exit 0 when all answer
       scripts/lab ssh HOST [CMD…]    as root, from the operator's namespace
       scripts/lab exec NAMESPACE CMD…  run here, on a namespace's network
       scripts/lab pause|resume HOST  stop and continue all of its processes
       scripts/lab reboot HOST        boot it afresh, as after a power cut; returns once it has SSH
       scripts/lab cut|join HOST      pull its cable and plug it in again
       scripts/lab alone CMD…         run CMD where its lab meets no other; nothing of it outlives CMD
       scripts/lab delay MS|off       round trip of the operator's wire to the edge, in milliseconds

With STOPGAP_LAB_DEBIAN=bullseye, or another release, web, spare and neighbour boot that; the routers this machine's.
"""
PACKAGE = Path(__file__).resolve().parent
CALLERS_PATH = "STOPGAP_LAB_CALLERS_PATH"


def main(arguments: list[str]) -> int:
    """Run one command; its exit status. `ssh` and `exec` become the command they run."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    try:
        _become_root(arguments)
        return _dispatch(*arguments)
    except (LabError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted.", file=sys.stderr)
        return 130


def _dispatch(command: str, *arguments: str) -> int:
    match command, arguments:
        case "exec", (name, *argv) if argv:
            node = _named(name)
            _require_up(node)
            _exec(node, argv)
        case "delay", (amount,):
            _require_up(BY_NAME["operator"])
            _delay(amount)
        case "alone", (_, *_) as argv:
            from . import alone  # noqa: PLC0415

            return alone.run(argv)
        case "carry", (amount,):
            _carry(amount)
        case (("up" | "down" | "status"), ()):
            return _whole_lab(command)
        case (("ssh" | "pause" | "resume" | "reboot" | "cut" | "join"), (name, *words)) if (
            command == "ssh" or not words
        ):
            host = _named(name)
            if not host.booted:
                raise LabError(f"{name} is a namespace and no host: use scripts/lab exec {name} CMD….")
            _require_up(host)
            _one_host(command, host, words)
        case _:
            print(USAGE, end="", file=sys.stderr)
            return 2
    return 0


def _whole_lab(command: str) -> int:
    from subprocess import CalledProcessError  # noqa: PLC0415 - `exec` is called hundreds of times and needs none

    from . import lab  # noqa: PLC0415

    os.umask(0o022)
    if command == "status":
        return 0 if lab.status() else 1
    try:
        (lab.up if command == "up" else lab.down)()
    except CalledProcessError as error:
        raise LabError(f"{error} Its own words, if any, are above.") from None
    return 0


def _delay(amount: str) -> None:
    from . import delayed_wire  # noqa: PLC0415

    if amount == "off":
        delayed_wire.restore()
    else:
        delayed_wire.stretch(PACKAGE, _milliseconds(amount))


def _carry(amount: str) -> None:
    from . import delayed_wire  # noqa: PLC0415

    delayed_wire.carry(_milliseconds(amount))


def _milliseconds(amount: str) -> float:
    try:
        return float(amount)
    except ValueError:
        raise LabError(f"{amount} is no number of milliseconds.") from None


def _one_host(command: str, host: Node, words: list[str]) -> None:
    from . import lab, machine  # noqa: PLC0415

    match command:
        case "ssh":
            _become([*lab.ssh_command(host), *([" ".join(words)] if words else [])])
        case "pause" | "resume":
            machine.freeze(host, command == "pause")
        case "reboot":
            lab.reboot(host)
        case _:
            lab.plug(host, command == "join")


def _exec(node: Node, argv: list[str]) -> None:
    callers_path = os.environ.pop(CALLERS_PATH, os.environ.get("PATH", os.defpath))
    os.environ["PATH"] = f"{ROOT}/.venv/bin:{callers_path}"
    _become(["nsenter", f"--net={NAMESPACES / node.namespace}", "--", *argv])


def _become(argv: list[str]) -> None:
    """Replace this process, so that signals and the exit status are the command's own."""
    try:
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed: run scripts/setup lab.") from None


def _become_root(arguments: list[str]) -> None:
    if os.geteuid() == 0:
        return
    os.environ[CALLERS_PATH] = os.environ.get("PATH", os.defpath)
    _become(["sudo", "--preserve-env", "--", sys.executable, "-I", "-S", str(PACKAGE), *arguments])


def _named(name: str) -> Node:
    try:
        return BY_NAME[name]
    except KeyError:
        raise LabError(f"The lab has no {name}; it has {', '.join(BY_NAME)}.") from None


def _require_up(node: Node) -> None:
    require_own()
    if not (NAMESPACES / node.namespace).exists():
        raise LabError("The lab is not up: run scripts/lab up.")

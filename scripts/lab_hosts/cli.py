"""What a person types: `scripts/lab COMMAND …`."""

from __future__ import annotations

import os
import sys

from .failure import LabError
from .topology import BY_NAME, Node

USAGE = """\
usage: scripts/lab up                 bring the lab up; returns once everything answers
       scripts/lab down               take it down, leave nothing
       scripts/lab status             a line a host; exit 0 when all answer
       scripts/lab ssh HOST [CMD…]    as root, from the operator's namespace
       scripts/lab exec NAMESPACE CMD…  run here, on a namespace's network
       scripts/lab pause|resume HOST  stop and continue all of its processes
       scripts/lab cut|join HOST      pull its cable and plug it in again
"""
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CALLERS_PATH = "STOPGAP_LAB_CALLERS_PATH"


def main(arguments: list[str]) -> int:
    """Run one command; its exit status. `ssh` and `exec` become the command they run."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    try:
        _become_root(arguments)
        return _dispatch(*arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted.", file=sys.stderr)
        return 130


def _dispatch(command: str, *arguments: str) -> int:
    match command, arguments:
        case "exec", (name, *argv) if argv:
            return _exec(_named(name), argv)
        case "ssh", (name, *words):
            from .lab import ssh_command

            host = _booted(name)
            _require_up(host)
            _become([*ssh_command(host), *([" ".join(words)] if words else [])])
        case "up" | "down" | "status", ():
            from . import lab

            os.umask(0o022)
            return 0 if getattr(lab, command)() in (None, True) else 1
        case "pause" | "resume", (name,):
            from . import machine

            host = _booted(name)
            _require_up(host)
            machine.freeze(host, command == "pause")
        case "cut" | "join", (name,):
            from . import lab

            host = _booted(name)
            _require_up(host)
            lab.cut(host, command == "join")
        case _:
            print(USAGE, end="", file=sys.stderr)
            return 2
    return 0


def _exec(node: Node, argv: list[str]) -> int:
    _require_up(node)
    callers_path = os.environ.pop(CALLERS_PATH, os.environ.get("PATH", os.defpath))
    os.environ["PATH"] = f"{ROOT}/.venv/bin:{callers_path}"
    _become(["nsenter", f"--net=/run/netns/{node.namespace}", "--", *argv])
    return 0


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
    package = os.path.dirname(os.path.abspath(__file__))
    _become(["sudo", "--preserve-env", "--", sys.executable, "-I", "-S", package, *arguments])


def _named(name: str) -> Node:
    try:
        return BY_NAME[name]
    except KeyError:
        raise LabError(f"The lab has no {name}; it has {', '.join(BY_NAME)}.") from None


def _booted(name: str) -> Node:
    node = _named(name)
    if not node.booted:
        raise LabError(f"{name} is a namespace and no host: use scripts/lab exec {name} CMD….")
    return node


def _require_up(node: Node) -> None:
    if not os.path.exists(f"/run/netns/{node.namespace}"):
        raise LabError("The lab is not up: run scripts/lab up.")

"""Changes as commands that a person pastes into a shell, where Stopgap cannot be used. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from shlex import quote
from textwrap import wrap
from typing import assert_never

from stopgap.orchestrator.change import (
    Activate,
    AnyChange,
    AttributesChange,
    DeviceChange,
    FreezeChange,
    PathChange,
    ProviderChange,
    RunCommands,
)
from stopgap.orchestrator.change.invocation import Command
from stopgap.orchestrator.device_script import Words
from stopgap.orchestrator.facts import FileFact
from stopgap.orchestrator.hosttext import is_plain
from stopgap.orchestrator.shell import join

_END = "END"
_WIDTH = 76


def do_by_hand(change: AnyChange) -> tuple[str, ...]:
    """Return the lines that make a change: POSIX shell, as root on the change's host.

    Lines for the command line of a network device are no shell; such a change returns what an operator types there.
    A provider's own program makes a change that nobody types: no lines.
    """
    match change:
        case RunCommands():
            return tuple(_commands(change.do))
        case Activate():
            return tuple(_commands([*change.test, *change.take]))
        case PathChange():
            return tuple(_path(change.path, change.before, change.after))
        case AttributesChange() | FreezeChange():
            return tuple(_script(change.do_script()))
        case DeviceChange():
            return _typed(change.do)
        case ProviderChange():
            return ()
        case _:
            assert_never(change)


def undo_by_hand(change: AnyChange) -> tuple[str, ...]:
    """Return the lines that undo a change, as for `do_by_hand`; none without a known undo."""
    match change:
        case RunCommands():
            return tuple(_commands(change.undo or ()))
        case Activate():
            return tuple(_commands([*change.test, *change.take]))
        case PathChange():
            return tuple(_path(change.path, change.after, change.before))
        case AttributesChange() | FreezeChange():
            return tuple(_script(change.undo_script()))
        case DeviceChange():
            return _typed(change.undo)
        case ProviderChange():
            return ()
        case _:
            assert_never(change)


def is_shell(change: AnyChange) -> bool:
    """Return True if the lines of a change are for a shell, False for a device's command line."""
    return not isinstance(change, DeviceChange)


def _typed(words: Words) -> tuple[str, ...]:
    return (*words.enter, *words.lines, *words.commit, *words.confirm)


def _commands(commands: Iterable[Command]) -> Iterator[str]:
    for command in commands:
        line = join(command.argv)
        if command.ok != (0,):
            line = f"{{ {line}; s=$?; case $s in {'|'.join(map(str, command.ok))}) true;; *) (exit $s);; esac; }}"
        if command.stdin is None:
            yield line
        else:
            yield from _fed(line, command.stdin.encode("utf-8", "surrogateescape"))


def _path(path: str, before: FileFact, after: FileFact) -> Iterator[str]:
    there = quote(path)
    if after.kind == "absent":
        yield f"rmdir -- {there}" if before.kind == "directory" else f"rm -f -- {there}"
        return
    if after.kind == "link":
        yield f"ln -sfn -- {quote(after.link_to or '')} {there}"
        return
    if after.kind == "directory":
        yield f"mkdir -p -- {there}"
    else:
        yield from _fed(f"cat >{there}", after.content or b"")
        yield f"chown {after.uid}:{after.gid} -- {there}"
    yield f"chmod {after.mode:04o} -- {there}"


def _script(script: str) -> Iterator[str]:
    yield from _fed("sh -s", script.encode("utf-8", "surrogateescape"))


def _fed(line: str, content: bytes) -> Iterator[str]:
    """Yield a command with its input: as text where a person can read and paste the text, else in base64."""
    if not content:
        yield f"{line} </dev/null"
        return
    text = content.decode("utf-8", "surrogateescape")
    lines = text.split("\n")[:-1]
    if content.endswith(b"\n") and all(map(is_plain, lines)):
        end = _END
        while end in lines:
            end += "_"
        yield f"{line} <<'{end}'"
        yield from lines
        yield end
        return
    yield f"base64 -d <<'{_END}' | {line}"
    yield from wrap(b64encode(content).decode("ascii"), _WIDTH)
    yield _END

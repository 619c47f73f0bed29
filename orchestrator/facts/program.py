"""Read-only programs, and the software installed on a host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import join, quote

ANY = r"(?s).+"
"""Any further argument (re)."""


@dataclass(frozen=True)
class ReadOnly:
    """A command that only reads, declared by the task that reads by the command.

    >>> ROUTES = ReadOnly(("ip", "-4", "route", "show"), more=ANY, because="ip-route(8): `show` lists routes")
    >>> ROUTES.asked("proto", "66").argv
    ('ip', '-4', 'route', 'show', 'proto', '66')
    """

    words: tuple[str, ...]
    """The first words: the program, and what keeps the program from changing anything."""
    because: str
    """Why no allowed argument can change anything or write a file, with the page of the manual."""
    more: str | None = None
    """Pattern (re) of each further argument, matched whole; None: no further argument."""

    def allows(self, argv: Sequence[str]) -> bool:
        """Return True for the command with allowed arguments."""
        words, rest = tuple(argv[: len(self.words)]), argv[len(self.words) :]
        return words == self.words and all(self.more is not None and re.fullmatch(self.more, word) for word in rest)

    def asked(self, *more: str, partial: bool = False) -> Program:
        """Return the reader of the command's output. Raises ValueError for an argument that is not allowed.

        `partial`: accept truncated output of a large or slow command; the fact is then marked `cut`.
        """
        return Program((*self.words, *more), self, partial)


class ProgramFact(Fact):
    """The output of a command."""

    status: int
    """127 for a command not installed; -1 without word from the host."""
    stdout: str = ""
    stderr: str = ""
    cut: bool = False
    """The output was truncated by cap or timeout."""


@dataclass(frozen=True)
class Program(Reader[ProgramFact]):
    """Run a command that is declared as read-only (`ReadOnly.asked`); any other command raises ValueError."""

    argv: tuple[str, ...]
    declared: ReadOnly
    partial: bool = False
    """Accept truncated output of a large or slow command: the fact is then marked `cut`."""

    def __post_init__(self) -> None:
        """Raise ValueError for a command beyond the declaration."""
        if not self.declared.allows(self.argv):
            raise ValueError(f"{join(self.argv)}: beyond {join(self.declared.words)}, declared as read-only")

    def script(self) -> str:
        """Return the script: run the command with the administrator's directories on the path."""
        return f"LC_ALL=C {join(self.argv)}"

    def parse(self, output: Output) -> ProgramFact:
        """Keep status and text; truncated output is an error, since a part could pass for the whole."""
        cut = output.status is None or output.truncated
        if cut and not self.partial:
            raise UnreadableError(f"{join(self.argv)}: no complete answer")
        return ProgramFact(
            status=-1 if output.status is None else output.status,
            stdout=output.stdout.decoded(),
            stderr=output.stderr.decoded(),
            cut=cut,
        )


class SystemFact(Fact):
    """The kind of the host's system."""

    init: Literal["systemd", "sysvinit", "openrc", "unknown"] = "unknown"
    os: str = ""
    """`ID` of /etc/os-release (os-release(5)), such as `debian`."""
    os_like: tuple[str, ...] = ()
    uid: int = 0
    """User id of the reading account."""
    programs: tuple[str, ...] = ()
    """The installed programs among the requested programs."""


@dataclass(frozen=True)
class System(Reader[SystemFact]):
    """Read init system, distribution, user id, and the presence of some programs."""

    programs: tuple[str, ...] = ()

    def script(self) -> str:
        """Return the script: `key value` lines."""
        which = " ".join(quote(p) for p in self.programs)
        return (
            "if [ -d /run/systemd/system ]; then echo init systemd\n"
            "elif [ -x /sbin/openrc-run ]; then echo init openrc\n"
            "elif [ -d /etc/init.d ]; then echo init sysvinit; fi\n"
            "sed -n -e 's/^ID=/os /p' -e 's/^ID_LIKE=/like /p' /etc/os-release 2>/dev/null | tr -d '\"'\n"
            'echo "uid $(id -u)"\n'
            f'for p in {which}; do command -v "$p" >/dev/null 2>&1 && echo "has $p"; done; true'
        )

    def parse(self, output: Output) -> SystemFact:
        """Parse the lines; words not asked for are ignored."""
        found: dict[str, list[str]] = {}
        for line in output.stdout.lines():
            key, _, value = line.partition(" ")
            found.setdefault(key, []).append(value)
        uid = parse_int(found.get("uid", [""])[0], 10)
        if uid is None:
            raise UnreadableError("the host did not say as whom it runs commands")
        init = found.get("init", ["unknown"])[0]
        return SystemFact.model_validate(
            {
                "init": init if init in {"systemd", "sysvinit", "openrc"} else "unknown",
                "os": found.get("os", [""])[0],
                "os_like": tuple(found.get("like", [""])[0].split()),
                "uid": uid,
                "programs": tuple(p for p in self.programs if p in found.get("has", [])),
            }
        )

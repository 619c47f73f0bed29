"""One command of a change, as an argument list, never a line for a shell to split."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.shell import emit, join

MARK = "@change@"
"""Placeholder in a command for the change's name, unknown before the run."""


class Command(BaseModel):
    """One command, as an argument list."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    argv: tuple[str, ...]
    stdin: str | None = None
    ok: tuple[int, ...] = (0,)
    """Exit statuses of success."""
    shown: str = ""
    """The command as typed by a person, in place of a script; empty: the words."""

    def script(self) -> str:
        """Return shell text with success exactly for a command status in `ok`; other statuses are kept."""
        source = f"{emit(self.stdin.encode('utf-8', 'surrogateescape'))} | " if self.stdin is not None else ""
        line = f"{source}{join(self.argv)}"
        if self.ok == (0,):
            return line
        accepted = "|".join(str(status) for status in self.ok)
        return f"{{ {line}; s=$?; case $s in {accepted}) true;; *) (exit $s);; esac; }}"

    def named(self, name: str) -> Command:
        """Return the command with a change's name in place of MARK."""
        stdin = None if self.stdin is None else self.stdin.replace(MARK, name)
        return self.model_copy(update={"argv": tuple(w.replace(MARK, name) for w in self.argv), "stdin": stdin})

    def __str__(self) -> str:
        """Return the command as typed in a shell."""
        return self.shown or join(self.argv) + (" <<" if self.stdin is not None else "")


def command(*argv: str, stdin: str | None = None, ok: tuple[int, ...] = (0,)) -> Command:
    """Return a command from its arguments.

    >>> str(command("systemctl", "stop", "postfix.service"))
    'systemctl stop postfix.service'
    """
    return Command(argv=argv, stdin=stdin, ok=ok)


def in_order(commands: Iterable[Command]) -> str:
    """Return shell text to run commands up to the first failure, with the status of the failed command."""
    return " &&\n".join(c.script() for c in commands) or "true"

"""Changes that are commands, and the activation by which a daemon takes up changed files."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stopgap.orchestrator.change.base import REJECTED, Change
from stopgap.orchestrator.shell import emit, join


class Command(BaseModel):
    """One command: words, never a line for a shell to split."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    argv: tuple[str, ...]
    stdin: str | None = None
    ok: tuple[int, ...] = (0,)
    """Exit statuses that mean success."""

    def script(self) -> str:
        """Give shell text that succeeds exactly when the command's status is one of `ok`, else keeps its status."""
        source = f"{emit(self.stdin.encode('utf-8', 'surrogateescape'))} | " if self.stdin is not None else ""
        line = f"{source}{join(self.argv)}"
        if self.ok == (0,):
            return line
        accepted = "|".join(str(status) for status in self.ok)
        return f"{{ {line}; s=$?; case $s in {accepted}) true;; *) (exit $s);; esac; }}"

    def __str__(self) -> str:
        """Show it as a person would type it."""
        return join(self.argv) + (" <<" if self.stdin is not None else "")


def command(*argv: str, stdin: str | None = None, ok: tuple[int, ...] = (0,)) -> Command:
    """Build a command."""
    return Command(argv=argv, stdin=stdin, ok=ok)


class RunCommands(Change):
    """Run commands in order; the first that fails ends it. The undo is safe to repeat, and to run after half of it.

    An `undo` of None says that nobody knows one: the change is shown as opaque and `undo` reports it as left.
    """

    kind: Literal["commands"] = "commands"
    about: str
    """What it does, in one line."""
    do: tuple[Command, ...]
    undo: tuple[Command, ...] | None
    undo_about: str = ""
    diff: tuple[str, ...] = ()
    """The effect as a diff, shown below the commands."""
    reads: bool = False
    """The commands only read: nothing of them stands afterwards, and there is nothing to take back."""
    afterwards: tuple[Command, ...] = ()
    """What is done once `do` stands and access is confirmed, and may take its time; the last line that it prints is
    told. Where it fails that is told too, and nothing is taken back: what it does is never what the change is for."""
    opaque: bool = False
    """What it does cannot be foreseen."""
    lasts: float | None = None
    """Seconds after which the host itself ends the effect; None: it stays until it is undone."""
    lifeline: Annotated[float, Field(gt=0)] | None = None
    """It may cut the operator off: the host takes it back after so many seconds, unless a fresh connection comes."""

    @model_validator(mode="after")
    def _holds(self) -> Self:
        if self.lifeline is not None and self.undo is None:
            raise ValueError("a lifeline needs an undo")
        return self

    def describe(self) -> str:
        """Give `about`."""
        return self.about

    def preview(self) -> list[str]:
        """Give the commands, then the diff."""
        return [f"$ {c}" for c in (*self.do, *self.afterwards)] + list(self.diff)

    def describe_undo(self) -> str:
        """Give `undo_about`, or the commands."""
        if self.undo is None:
            return "none known"
        return self.undo_about or "; ".join(str(c) for c in self.undo)

    def do_script(self) -> str:
        """Run `do`."""
        return _in_order(self.do)

    def undo_script(self, *, force: bool = False) -> str:
        """Run `undo`."""
        return _in_order(self.undo or ())

    def afterwards_script(self) -> str:
        """Run `afterwards`."""
        return _in_order(self.afterwards) if self.afterwards else ""


class Activate(Change):
    """Let a daemon take up changed files: test, and only then tell it.

    It runs after every other change of its step, in the do and in the undo alike. Where the test fails in the
    do, the step's files are put back and the daemon, which never saw them, is left alone.
    """

    kind: Literal["activate"] = "activate"
    about: str
    test: tuple[Command, ...]
    take: tuple[Command, ...]

    def describe(self) -> str:
        """Give `about`."""
        return self.about

    def preview(self) -> list[str]:
        """Give the commands."""
        return [f"$ {c}" for c in (*self.test, *self.take)]

    def describe_undo(self) -> str:
        """It is the same, over the restored files."""
        return f"{self.about}, over the restored files"

    def do_script(self) -> str:
        """Test, then take; a failed test exits with REJECTED."""
        return f"{{ {_in_order(self.test)}; }} || exit {REJECTED}\n{_in_order(self.take)}"

    def undo_script(self, *, force: bool = False) -> str:
        """Test, then take."""
        return self.do_script()


def _in_order(commands: tuple[Command, ...]) -> str:
    return " &&\n".join(c.script() for c in commands) or "true"

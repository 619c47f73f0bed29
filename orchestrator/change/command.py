"""Changes by commands, and the activation of changed files in a daemon."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from stopgap.orchestrator.change.base import Change, Phase
from stopgap.orchestrator.change.expectation import Expectation
from stopgap.orchestrator.change.invocation import Command, in_order
from stopgap.orchestrator.change.status import REJECTED
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.translatable import Translatable


class RunCommands(Change):
    """Run commands in order, up to the first failure. The undo is idempotent, and safe after a partial do.

    An `undo` of `None` marks a change without a known undo: shown as opaque, and reported as left in place by `undo`.
    """

    kind: Literal["commands"] = "commands"
    about: Translatable
    """The effect of the change, in one line."""
    do: tuple[Command, ...]
    undo: tuple[Command, ...] | None
    undo_about: Translatable = ""
    expects: Expectation | None = None
    """The state expected before the undo. `None`: the undo cannot harm later work."""
    diff: tuple[str, ...] = ()
    """The effect as a diff, shown below the commands."""
    marked: bool = False
    """MARK in the commands is replaced by the change's own name, to identify objects made by the change."""
    reads: bool = False
    """The commands only read: there is nothing to undo."""
    afterwards: tuple[Command, ...] = ()
    """Follow-up commands, possibly slow, run once `do` is in force and access is confirmed; the last output line is
    reported. A failure is reported too, without a rollback: a follow-up is never the purpose of the change.
    """
    opaque: bool = False
    """The effect of the commands cannot be predicted."""

    @property
    def has_undo(self) -> bool:
        """True if the undo is known."""
        return self.undo is not None

    @property
    def only_reads(self) -> bool:
        """True if the commands only read."""
        return self.reads

    @property
    def is_opaque(self) -> bool:
        """True if the effect of the commands cannot be predicted."""
        return self.opaque

    def describe(self) -> str:
        """Return `about`."""
        return self.about

    def preview(self) -> list[str]:
        """Return the commands, then the diff."""
        return [f"$ {c}" for c in (*self.do, *self.afterwards)] + list(self.diff)

    def describe_undo(self) -> str:
        """Return `undo_about`, or the commands."""
        if self.undo is None:
            return tr("none known")
        return self.undo_about or "; ".join(str(c) for c in self.undo)

    def do_script(self) -> str:
        """Return the script of `do`."""
        return in_order(self.do)

    def undo_script(self, *, force: bool = False) -> str:
        """Return the script: check the expectation, then run `undo`."""
        guard = self.expects.guard(force=force) if self.expects else ""
        return guard + in_order(self.undo or ())

    def named(self, name: str) -> Self:
        """Replace MARK by the name, for a `marked` change."""
        if not self.marked:
            return self
        news = {
            "do": tuple(c.named(name) for c in self.do),
            "undo": None if self.undo is None else tuple(c.named(name) for c in self.undo),
            "expects": self.expects and self.expects.named(name),
        }
        return self.model_copy(update=news)

    def afterwards_script(self) -> str:
        """Return the script of `afterwards`."""
        return in_order(self.afterwards) if self.afterwards else ""


class Activate(Change):
    """Activate changed files in a daemon: test the configuration, then reload.

    An Activate runs after every other change of its step, in the do and in the undo. After a failed test in the do,
    the step's files are restored, and the daemon, not yet reloaded, is left alone.
    """

    kind: Literal["activate"] = "activate"
    phase: ClassVar[Phase] = Phase.ACTIVATE
    repeatable: ClassVar[bool] = True
    about: Translatable
    test: tuple[Command, ...]
    take: tuple[Command, ...]

    def describe(self) -> str:
        """Return `about`."""
        return self.about

    def preview(self) -> list[str]:
        """Return the commands."""
        return [f"$ {c}" for c in (*self.test, *self.take)]

    def describe_undo(self) -> str:
        """Return the same sentence, about the restored files."""
        return tr("{about}, over the restored files", about=self.about)

    def do_script(self) -> str:
        """Return the script: test, then reload; a failed test exits with REJECTED."""
        return f"{{ {in_order(self.test)}; }} || exit {REJECTED}\n{in_order(self.take)}"

    def undo_script(self, *, force: bool = False) -> str:
        """Return the script: test, then reload."""
        return self.do_script()

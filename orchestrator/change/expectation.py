"""The expected state of a host before an undo: later work of other people is drift, and is left alone."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from stopgap.orchestrator.change.invocation import MARK, Command
from stopgap.orchestrator.change.status import DRIFTED
from stopgap.orchestrator.shell import quote


class Expectation(BaseModel):
    """A read-only command, and the output lines expected before an undo.

    `look` only reads. An output line of `left` means a host as left by the change, and the undo proceeds; a line of
    `gone` means no remains of the change, and the undo does nothing; any other line is drift. The undo's commands
    find the line in the variable `seen`, and the variable `forced` is set if drift was overridden.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    look: Command
    left: tuple[str, ...] = Field(min_length=1)
    gone: tuple[str, ...] = ()

    def guard(self, *, force: bool) -> str:
        """Return the script to end with 0 or DRIFTED, or to proceed to the undo; `force` overrides drift."""
        left = f'printf "it shows: %s\\n" "$seen" >&2; exit {DRIFTED}'
        drifted = "forced=yes; export forced" if force else left
        gone = f"{_any(self.gone)}) exit 0;;\n" if self.gone else ""
        return (
            f"seen=$({self.look.script()}) || exit 1\nexport seen\n"
            f"case $seen in\n{_any(self.left)}) ;;\n{gone}*) {drifted};;\nesac\n"
        )

    def named(self, name: str) -> Expectation:
        """Return the expectation with a change's name in place of MARK."""
        left, gone = (tuple(line.replace(MARK, name) for line in lines) for lines in (self.left, self.gone))
        return self.model_copy(update={"look": self.look.named(name), "left": left, "gone": gone})


def _any(lines: tuple[str, ...]) -> str:
    return "|".join(quote(line) for line in lines)

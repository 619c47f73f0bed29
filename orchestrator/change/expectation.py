"""What has to stand on a host before a change there is taken back: another's later work is drift, and is left."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from stopgap.orchestrator.change.base import DRIFTED
from stopgap.orchestrator.change.invocation import MARK, Command
from stopgap.orchestrator.shell import quote


class Expectation(BaseModel):
    """A command that looks, and the lines by which it tells whose work stands.

    `look` only reads. Where it prints a line of `left`, all is as the change left it, and the change is taken back;
    where it prints a line of `gone`, nothing of the change is left, and nothing is done; any other line is drift. The
    undo's commands find that line in the variable `seen`, and `forced` set where drift was overridden.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    look: Command
    left: tuple[str, ...] = Field(min_length=1)
    gone: tuple[str, ...] = ()

    def guard(self, *, force: bool) -> str:
        """Give the script that ends with 0 or DRIFTED, or goes on to the undo; `force`: drift does not stop it."""
        left = f'printf "it shows: %s\\n" "$seen" >&2; exit {DRIFTED}'
        drifted = "forced=yes; export forced" if force else left
        gone = f"{_any(self.gone)}) exit 0;;\n" if self.gone else ""
        return (
            f"seen=$({self.look.script()}) || exit 1\nexport seen\n"
            f"case $seen in\n{_any(self.left)}) ;;\n{gone}*) {drifted};;\nesac\n"
        )

    def named(self, name: str) -> Expectation:
        """Give the same with a change's name in place of MARK."""
        left, gone = (tuple(line.replace(MARK, name) for line in lines) for lines in (self.left, self.gone))
        return self.model_copy(update={"look": self.look.named(name), "left": left, "gone": gone})


def _any(lines: tuple[str, ...]) -> str:
    return "|".join(quote(line) for line in lines)

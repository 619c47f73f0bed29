"""Immutable and append-only attributes, cleared and set again."""

from __future__ import annotations

from typing import ClassVar, Literal

from orchestrator.change.base import DRIFTED, Change
from orchestrator.facts.attributes import LockedFact
from orchestrator.hosttext import escape
from orchestrator.shell import join, quote

_FUNCTIONS = r"""
seen() {
    flags=$(lsattr -d -- "$1" 2>/dev/null)
    flags=${flags%% *} marks=
    [ "$flags" ] || { marks=gone; return; }
    case $flags in *i*) marks=i;; esac
    case $flags in *a*) marks=${marks}a;; esac
}
"""


class AttributesChange(Change):
    """Clear these attributes of files and directories, parents first; undo sets exactly them again, children first.

    Doing it touches nothing unless each path is marked as it was seen, or free already. The undo sets the marks of
    every path that is free, and leaves one that somebody has marked otherwise or removed.
    """

    kind: Literal["attributes"] = "attributes"
    deadline: ClassVar[float] = 300.0
    locked: tuple[LockedFact, ...]
    """Parents first."""

    def describe(self) -> str:
        """Count them."""
        return f"clear what keeps {_count(len(self.locked))} from being changed"

    def preview(self) -> list[str]:
        """Give a command for each."""
        return [f"$ {escape(join(('chattr', f'-{one.marks}', '--', one.name())))}" for one in self.locked]

    def describe_undo(self) -> str:
        """Say the same the other way."""
        return f"mark {_count(len(self.locked))} as before, children first"

    def do_script(self) -> str:
        """Look at all of them first, then clear."""
        looks = "\n".join(f"look {one.marks} {quote(one.name())}" for one in self.locked)
        moves = "\n".join(f"clear {one.marks} {quote(one.name())}" for one in self.locked)
        return (
            f"{_FUNCTIONS}"
            'look() { seen "$2"; case $marks in ""|"$1");; *) echo "$2: $marks"; drifted=1;; esac; }\n'
            'clear() { seen "$2"; [ -z "$marks" ] || chattr "-$1" -- "$2" || bad=1; }\n'
            f'drifted= bad=\n{looks}\n[ -z "$drifted" ] || exit {DRIFTED}\n{moves}\n[ -z "$bad" ]'
        )

    def undo_script(self, *, force: bool = False) -> str:
        """Mark again what is free; with `force`, whatever its marks are now."""
        moves = "\n".join(f"mark {one.marks} {quote(one.name())}" for one in reversed(self.locked))
        otherwise = 'chattr -ia -- "$2" && chattr "+$1" -- "$2" || bad=1' if force else "drifted=1"
        return (
            f"{_FUNCTIONS}"
            'mark() {\nseen "$2"\ncase $marks in "$1") ;;\n"") chattr "+$1" -- "$2" || bad=1;;\n'
            f'gone) echo "$2: not there"; drifted=1;;\n*) {otherwise};;\nesac\n}}\n'
            f'drifted= bad=\n{moves}\n[ -z "$bad" ] || exit 1\n[ -z "$drifted" ] || exit {DRIFTED}'
        )


def _count(number: int) -> str:
    return f"{number} file or directory" if number == 1 else f"{number} files and directories"

"""Immutable and append-only attributes of files (chattr(1)), cleared and restored."""

from __future__ import annotations

from typing import ClassVar, Literal

from stopgap.orchestrator.change.base import Change
from stopgap.orchestrator.change.status import DRIFTED
from stopgap.orchestrator.facts.attributes import LockedFact
from stopgap.orchestrator.facts.inode_flags import held, ways
from stopgap.orchestrator.shell import join, quote
from stopgap.orchestrator.text import tr, trn

_SEEN = """
seen() { marks=$(fl get "$1"); }
"""


class AttributesChange(Change):
    """Clear attributes of files and directories, parents first; the undo restores the attributes, children first.

    The change touches nothing unless each path has the planned attributes, or no attributes already. The undo
    restores the attributes of every free path, and leaves a path removed or marked otherwise meanwhile.
    """

    kind: Literal["attributes"] = "attributes"
    deadline: ClassVar[float] = 300.0
    locked: tuple[LockedFact, ...]
    """Parents first."""

    def describe(self) -> str:
        """Return the number of paths, as a sentence."""
        return tr("clear what keeps {count} from being changed", count=_count(len(self.locked)))

    def preview(self) -> list[str]:
        """Return a command for each path."""
        return [f"$ {join(('chattr', f'-{one.marks}', '--', one.name()))}" for one in self.locked]

    def describe_undo(self) -> str:
        """Return a sentence on the restored attributes."""
        return tr("mark {count} as before, children first", count=_count(len(self.locked)))

    def do_script(self) -> str:
        """Return the script: read all paths first, then clear, then verify write access by the kernel."""
        looks, moves, proofs = (
            "\n".join(f"{word} {one.marks} {quote(one.place())}" for one in self.locked)
            for word in ("look", "clear", "prove")
        )
        return (
            f"{ways()}{held()}{_SEEN}"
            'look() { seen "$2"; case $marks in ""|"$1");; *) echo "$2: $marks"; drifted=1;; esac; }\n'
            'clear() { seen "$2"; [ -z "$marks" ] || fl - "$1" "$2" || bad=1; }\n'
            'prove() {\nseen "$2"\nif [ -z "$marks" ] && held "$2"; then marks=held; fi\n'
            '[ -z "$marks" ] || { echo "$2: it was cleared by $fl_way, and is locked still" >&2; bad=1; }\n}\n'
            f'drifted= bad=\n{looks}\n[ -z "$drifted" ] || exit {DRIFTED}\n{moves}\n{proofs}\n[ -z "$bad" ]'
        )

    def undo_script(self, *, force: bool = False) -> str:
        """Return the undo script: set the attributes of free paths, then verify by the kernel.

        With `force`, any present attributes are replaced.
        """
        moves = "\n".join(f"mark {one.marks} {quote(one.place())}" for one in reversed(self.locked))
        otherwise = 'fl - ia "$2" && fl + "$1" "$2" || bad=1' if force else "drifted=1; return"
        return (
            f"{ways()}{held()}{_SEEN}"
            'mark() {\nseen "$2"\ncase $marks in "$1") ;;\n"") fl + "$1" "$2" || bad=1;;\n'
            f'gone) echo "$2: not there"; drifted=1; return;;\n*) {otherwise};;\nesac\n'
            'seen "$2"\nif [ "$marks" = "$1" ]; then held "$2"; [ $? -ne 1 ] || marks=free; fi\n'
            '[ "$marks" = "$1" ] || { echo "$2: it was marked by $fl_way, and is not" >&2; bad=1; }\n}\n'
            f'drifted= bad=\n{moves}\n[ -z "$bad" ] || exit 1\n[ -z "$drifted" ] || exit {DRIFTED}'
        )


def _count(number: int) -> str:
    return trn("{count} file or directory", "{count} files and directories", number)

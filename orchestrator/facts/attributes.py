"""Attributes that keep everybody, root too, from changing a file or directory (chattr(1))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from orchestrator.facts.file import Content
from orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from orchestrator.shell import join

Marks = Literal["i", "a", "ia"]
"""Immutable, append-only, or both."""

_FLAGS = re.compile(rb"[A-Za-z-]{4,32}")


class LockedFact(Fact):
    """A file or directory that is immutable or append-only."""

    path: Content
    marks: Marks

    def name(self) -> str:
        """Give the path as text, bytes that are not UTF-8 as surrogates."""
        return self.path.decode("utf-8", "surrogateescape")


class AttributesFact(Fact):
    """What is marked below some paths."""

    locked: tuple[LockedFact, ...] = ()
    """Parents first."""
    absent: tuple[str, ...] = ()
    """Those of the paths where nothing lies."""
    links: tuple[str, ...] = ()
    """Those that are symbolic links, which are not followed."""


@dataclass(frozen=True)
class Attributes(Reader[AttributesFact]):
    """List what is immutable or append-only at and below some absolute paths, each within its own filesystem.

    No symbolic link is followed. Directories and files are opened, and no file is read.
    """

    paths: tuple[str, ...]
    deadline = 120.0
    cap = 4 << 20

    def script(self) -> str:
        """Print `FLAGS PATH` lines as lsattr does, then after a NUL records ended by NUL, for odd names and absences.

        lsattr prints a name as it is, so that one with a newline in it is asked for by itself.
        """
        return (
            "command -v lsattr >/dev/null || { echo 'lsattr is not installed' >&2; exit 127; }\n"
            f"nl='\n'\nset -- {join(self.paths)}\n"
            'find "$@" -xdev \\( -type f -o -type d \\) ! -path "*$nl*" -exec lsattr -d -- {} + 2>/dev/null |\n'
            "    sed -n '/^[^ ]*[ia][^ ]* /p'\n"
            "printf '\\0'\n"
            'find "$@" -xdev \\( -type f -o -type d \\) -path "*$nl*" -exec sh -c \'\n'
            'for file; do flags=$(lsattr -d -- "$file" 2>/dev/null); flags=${flags%% *}\n'
            'case $flags in *[ia]*) printf "%s %s\\0" "$flags" "$file";; esac; done\' sh {} + 2>/dev/null\n'
            'for path; do if [ -L "$path" ]; then printf "link %s\\0" "$path"\n'
            'elif [ ! -e "$path" ]; then printf "absent %s\\0" "$path"; fi; done; true'
        )

    def parse(self, output: Output) -> AttributesFact:
        """Read both parts; part of the list is not taken for the whole."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(
                output.stderr.last_line() or "the list of attributes is incomplete: give fewer paths"
            )
        lines, *records = output.stdout.raw.split(b"\0")
        locked: dict[bytes, Marks] = {}
        aside: dict[bytes, list[str]] = {b"absent": [], b"link": []}
        for text in (*lines.split(b"\n"), *records):
            flags, _, path = text.partition(b" ")
            if flags in aside:
                aside[flags].append(path.decode("utf-8", "surrogateescape"))
            elif _FLAGS.fullmatch(flags) and path.startswith(b"/") and (marks := _marks(flags)):
                locked[path] = marks
        return AttributesFact(
            locked=tuple(LockedFact(path=p, marks=m) for p, m in sorted(locked.items())),
            absent=tuple(aside[b"absent"]),
            links=tuple(aside[b"link"]),
        )


def _marks(flags: bytes) -> Marks | None:
    if b"i" in flags:
        return "ia" if b"a" in flags else "i"
    return "a" if b"a" in flags else None

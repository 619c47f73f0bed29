"""Attributes that keep everybody, root too, from changing a file or directory (chattr(1))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stopgap.orchestrator.facts.file import Content
from stopgap.orchestrator.facts.inode_flags import ways
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.shell import join

Marks = Literal["i", "a", "ia"]
"""Immutable, append-only, or both."""

_BY_KERNEL: dict[bytes, Marks] = {b"kernel:i": "i", b"kernel:a": "a", b"kernel:ia": "ia"}
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
    disputed: tuple[str, ...] = ()
    """Those that the kernel's own call shows as marked, and lsattr(1) does not, or the other way; none where only one
    of both could be asked."""


@dataclass(frozen=True)
class Attributes(Reader[AttributesFact]):
    """List what is immutable or append-only at and below some absolute paths, each within its own filesystem.

    No symbolic link is followed. Directories and files are opened, and no file is read.
    """

    paths: tuple[str, ...]
    deadline = 120.0
    cap = 4 << 20

    def script(self) -> str:
        """Print `FLAGS PATH` lines as lsattr does, then after a NUL records ended by NUL.

        Those are odd names, what perl or python3 find by the kernel's own call, which of both looked, and absences.

        lsattr prints a name as it is, so that one with a newline in it is asked for by itself.
        """
        return (
            f"{ways()}nl='\n'\nset -- {join(self.paths)}\n"
            'if [ "$fl_lister" ]; then\n'
            'find "$@" -xdev \\( -type f -o -type d \\) ! -path "*$nl*" -exec $fl_lister -d -- {} + 2>/dev/null |\n'
            "    sed -n '/^[^ ]*[ia][^ ]* /p'\n"
            "printf '\\0'\n"
            'find "$@" -xdev \\( -type f -o -type d \\) -path "*$nl*" -exec sh -c \'\n'
            'lister=$1; shift; for file; do flags=$($lister -d -- "$file" 2>/dev/null); flags=${flags%% *}\n'
            'case $flags in *[ia]*) printf "%s %s\\0" "$flags" "$file";; esac; done\' sh "$fl_lister" {} + '
            "2>/dev/null\n"
            "printf 'by lister\\0'\nelse printf '\\0'; fi\n"
            'if [ "$fl_way" != tools ]; then fl walk "$@" && printf \'by kernel\\0\'; fi\n'
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
        listed: dict[bytes, str] = {}
        kernel: dict[bytes, str] = {}
        aside: dict[bytes, list[str]] = {b"absent": [], b"link": [], b"by": []}
        for text in (*lines.split(b"\n"), *records):
            flags, _, path = text.partition(b" ")
            if flags in aside:
                aside[flags].append(_text(path))
            elif not path.startswith(b"/"):
                continue
            elif flags in _BY_KERNEL:
                kernel[path] = _BY_KERNEL[flags]
            elif _FLAGS.fullmatch(flags) and (
                marks := ("i" if b"i" in flags else "") + ("a" if b"a" in flags else "")
            ):
                listed[path] = marks
        if not aside[b"by"]:
            raise UnreadableError("the list of attributes is incomplete: what looks for them ended early")
        both = len(aside[b"by"]) == 2
        paths = sorted(listed.keys() | kernel.keys())
        return AttributesFact(
            locked=tuple(LockedFact(path=p, marks=_union(listed.get(p, ""), kernel.get(p, ""))) for p in paths),
            absent=tuple(aside[b"absent"]),
            links=tuple(aside[b"link"]),
            disputed=tuple(_text(p) for p in paths if listed.get(p) != kernel.get(p)) if both else (),
        )


def _union(one: str, other: str) -> Marks:
    if "i" in one + other:
        return "ia" if "a" in one + other else "i"
    return "a"


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")

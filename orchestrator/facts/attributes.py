"""Immutable and append-only attributes, a lock on a file or directory against every account, root too (chattr(1))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stopgap.orchestrator.facts.file import Content
from stopgap.orchestrator.facts.inode_flags import ways
from stopgap.orchestrator.facts.presence import there
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.shell import join

Marks = Literal["i", "a", "ia"]
"""Immutable, append-only, or the two together."""

_BY_KERNEL: dict[bytes, Marks] = {b"kernel:i": "i", b"kernel:a": "a", b"kernel:ia": "ia"}
_FLAGS = re.compile(rb"[A-Za-z-]{4,32}")


class LockedFact(Fact):
    """A file or directory with the immutable or append-only attribute."""

    path: Content
    marks: Marks
    real: Content | None = None
    """The same path without symbolic links; `None` for no such path."""

    def name(self) -> str:
        """Return the path as text, bytes outside UTF-8 as surrogates."""
        return self.path.decode("utf-8", "surrogateescape")

    def place(self) -> str:
        """Return the path for a change: no component of the path is a symbolic link."""
        return (self.real or self.path).decode("utf-8", "surrogateescape")


class AttributesFact(Fact):
    """The attributes found below some paths."""

    locked: tuple[LockedFact, ...] = ()
    """Parents first."""
    absent: tuple[str, ...] = ()
    """The absent paths."""
    links: tuple[str, ...] = ()
    """The symbolic links among the paths, not followed."""
    disputed: tuple[str, ...] = ()
    """Paths marked by the kernel's own call but not by lsattr(1), or vice versa; empty if only one source was
    available.
    """
    unread: int = 0
    """How many files and directories could not be looked at."""
    unread_such: EscapedLine = ""
    """One unreadable path with the reason, escaped."""


_STARTS = r"""
# Says of each starting point whether it is there, and where its directory really is.
starts() {
    for path; do
        there "$path"
        case $? in 1) printf 'absent %s\0' "$path"; continue ;; 2) exit 1 ;; esac
        if [ -L "$path" ]; then printf 'link %s\0' "$path"; continue; fi
        folder=${path%/*}
        real=$(cd -P -- "$folder/" && pwd -P && echo .) && real=${real%??}
        [ "${real%/}" = "$folder" ] || printf 'from %s\0to %s\0' "$path" "${real%/}/${path##*/}"
    done
}
"""
_LIST = r"""
if [ "$fl_lister" ]; then
find "$@" -xdev \( -type f -o -type d \) ! -path "*$nl*" -exec $fl_lister -d -- {} + 2>/dev/null |
    sed -n '/^[^ ]*[ia][^ ]* /p'
printf '\0'
find "$@" -xdev \( -type f -o -type d \) -path "*$nl*" -exec sh -c '
lister=$1; shift; for file; do flags=$($lister -d -- "$file" 2>/dev/null); flags=${flags%% *}
case $flags in *[ia]*) printf "%s %s\0" "$flags" "$file";; esac; done' sh "$fl_lister" {} + 2>/dev/null
printf 'by lister\0'
else printf '\0'; fi
if [ "$fl_way" != tools ]; then fl walk "$@" && printf 'by kernel\0'
else find "$@" -xdev \( -type f -o -type d \) -exec $fl_lister -d -- {} + 2>&1 >/dev/null |
    sed -n -e '/[Nn]ot supported/d' -e '/Inappropriate ioctl/d' -e '/No such file/d' -e 's/^/unread 1 /p' |
    tr '\n' '\0'
fi
starts "$@"
"""


@dataclass(frozen=True)
class Attributes(Reader[AttributesFact]):
    """List immutable and append-only files at and below some absolute paths, each within its own filesystem.

    No symbolic link is followed. Directories and files are opened, and no file is read.
    """

    paths: tuple[str, ...]
    deadline = 120.0
    cap = 4 << 20

    def script(self) -> str:
        """Return the script: `FLAGS PATH` lines like lsattr, then after a NUL records ended by NUL.

        The records hold odd names, results of perl or python3 from the kernel's own call, the tool in use, absent
        paths, unreadable paths, and the paths' directories without symbolic links. A name with a newline, ambiguous
        in lsattr's output, is requested separately.
        """
        return f"{there()}{ways()}{_STARTS}nl='\n'\nset -- {join(self.paths)}\n{_LIST}"

    def parse(self, output: Output) -> AttributesFact:
        """Parse the two parts; a truncated list is rejected."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(
                output.stderr.last_line() or "the list of attributes is incomplete: give fewer paths"
            )
        lines, *records = output.stdout.raw.split(b"\0")
        listed: dict[bytes, str] = {}
        kernel: dict[bytes, str] = {}
        aside: dict[bytes, list[bytes]] = {key: [] for key in (b"absent", b"link", b"by", b"from", b"to", b"unread")}
        for text in (*lines.split(b"\n"), *records):
            flags, _, path = text.partition(b" ")
            if flags in aside:
                aside[flags].append(path)
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
        really = list(zip(aside[b"from"], aside[b"to"], strict=False))
        unread = [said.partition(b" ") for said in aside[b"unread"]]
        return AttributesFact(
            locked=tuple(
                LockedFact(path=p, marks=_union(listed.get(p, ""), kernel.get(p, "")), real=_real(p, really))
                for p in paths
            ),
            absent=tuple(map(_text, aside[b"absent"])),
            links=tuple(map(_text, aside[b"link"])),
            disputed=tuple(_text(p) for p in paths if listed.get(p) != kernel.get(p)) if both else (),
            unread=sum(parse_int(count) or 1 for count, _, _ in unread),
            unread_such=_text(unread[0][2]) if unread else "",
        )


def _real(path: bytes, really: list[tuple[bytes, bytes]]) -> bytes | None:
    """Return a path without symbolic links, by the enclosing start path; `None` without a start path."""
    for given, real in really:
        if path == given or path.startswith(given.rstrip(b"/") + b"/"):
            return real + path[len(given) :]
    return None


def _union(one: str, other: str) -> Marks:
    if "i" in one + other:
        return "ia" if "a" in one + other else "i"
    return "a"


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")

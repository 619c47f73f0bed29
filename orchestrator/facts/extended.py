"""Attributes of a file beside content, owner and mode: access control lists, labels, capabilities, flags, hard links.

Linux stores access control lists, security labels, file capabilities and user attributes as extended attributes
(xattr(7)); inode flags are separate (ioctl_iflags(2)). A replaced file is a new inode without any attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from stopgap.orchestrator.facts.by_path import TOGETHER, blocks, keyed, path_key
from stopgap.orchestrator.facts.extended_ways import reading
from stopgap.orchestrator.facts.file import Content
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.shell import join

MOST = 256 << 10
"""Most bytes of names and values kept of one file."""
IMMUTABLE, APPEND_ONLY, VERITY, NO_COW = 0x10, 0x20, 0x00100000, 0x00800000
"""Inode flags (ioctl_iflags(2)) not settable on a file with content, or a lock on the content."""
KEPT_FLAGS = 0x1 | 0x2 | 0x4 | 0x8 | 0x40 | 0x80
"""Inode flags restored on a new file: `s u c S d A` of chattr(1)."""


class ExtendedFact(Fact):
    """The attributes of one path."""

    attributes: Mapping[str, Content] | None = {}
    """Attributes by name; `None` if unreadable."""
    trouble: EscapedLine = ""
    """The reason for unreadable attributes, escaped."""
    flags: int = 0
    links: int = 1
    """Names of the inode, hard links, all together."""


@dataclass(frozen=True)
class Extended(Reader[tuple[ExtendedFact, ...]]):
    """Read extended attributes, inode flags and the hard link count of some absolute paths, in order.

    No symbolic link is followed at the end of a path. An absent path has no attributes.
    """

    paths: tuple[str, ...]
    cap = 4 << 20

    def joined_with(self, others: Sequence[Self]) -> Self | None:
        """Return a reader of all paths: each parses what is said of its own."""
        paths = tuple(dict.fromkeys(path for reader in (self, *others) for path in reader.paths))
        return type(self)(paths) if len(paths) <= 2 * TOGETHER else None

    def script(self) -> str:
        """Return the script: `path KEY`, then a line for each attribute; names and values are hexadecimal."""
        return reading(join(word for pair in keyed(self.paths) for word in pair))

    def parse(self, output: Output) -> tuple[ExtendedFact, ...]:
        """Split the blocks; a host without a suitable tool gives facts marked as unreadable."""
        if output.status == 127:
            why = "neither perl, python3 nor getfattr is installed"
            return tuple(ExtendedFact(attributes=None, trouble=why) for _ in self.paths)
        _, told = blocks(output.stdout.decoded())
        keys = [path_key(path) for path in self.paths]
        if output.status != 0 or output.truncated or not told.keys() >= set(keys):
            raise UnreadableError(output.stderr.last_line() or "extended attributes: no complete answer")
        try:
            return tuple(_fact(told[each].splitlines()) for each in keys)
        except ValueError:
            raise UnreadableError("extended attributes: a line that is none") from None


def _fact(lines: list[str]) -> ExtendedFact:
    attributes: dict[str, bytes] = {}
    numbers = {"flags": 0, "links": 1}
    trouble = ""
    for key, first, second in _words(lines):
        if key == "x":
            name = bytes.fromhex(first).decode()
            attributes[name] = bytes.fromhex(second)
        elif key == "trouble":
            trouble = bytes.fromhex(first).decode("utf-8", "replace")
        elif key in numbers and (number := parse_int(first)) is not None:
            numbers[key] = number
        else:
            raise ValueError(key)
    if sum(len(name) + len(value) for name, value in attributes.items()) > MOST:
        trouble = f"more than {MOST} bytes of extended attributes"
    return ExtendedFact(
        attributes=None if trouble else attributes,
        trouble=trouble,
        flags=numbers["flags"],
        links=numbers["links"],
    )


def _words(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        key, first, second = (*line.split(" "), "", "")[:3]
        yield key, first, second

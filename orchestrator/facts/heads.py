"""The first bytes of many files."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from stopgap.orchestrator.facts.file import Content
from stopgap.orchestrator.facts.files import matching, only_gone
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.shell import quote

_FAILED = "failed"
"""A line outside base64."""


class HeadsFact(Fact):
    """The first bytes of the files below some directories."""

    heads: tuple[Content, ...] | None = None
    """`None` without such directories."""
    whole: bool = True
    """False: there are more files."""


@dataclass(frozen=True)
class FileHeads(Reader[HeadsFact]):
    """Read the first bytes of the regular files below all directories matched by patterns (as in Glob)."""

    patterns: tuple[str, ...]
    most: int = 500
    """Files."""
    length: int = 1024
    """Bytes of each."""
    name: str = ""
    """Pattern of the files' names (find(1), `-name`); empty: every file."""
    cap = 4 << 20

    def script(self) -> str:
        """Return the script: a line of base64 for each file; the last line marks the end."""
        head = (
            'for f; do [ -f "$f" ] || continue; [ -r "$f" ] || { echo "$f: Permission denied" >&2; exit 1; }\n'
            f'head -c {self.length} -- "$f" | base64 | tr -d "\\n"; echo; done'
        )
        named = f"-name {quote(self.name)} " if self.name else ""
        return (
            f"{matching(self.patterns)}\n"
            "[ $# -gt 0 ] || exit 3\n"
            f"{{ find \"$@\" -type f {named}-exec sh -c '{head}' sh {{}} + || echo {_FAILED}; }} |\n"
            f"head -n {self.most + 1}; echo end"
        )

    def parse(self, output: Output) -> HeadsFact:
        """Decode each line; invalid base64 counts as an empty file. Raises UnreadableError."""
        if output.status == 3:
            return HeadsFact()
        lines = output.stdout.decoded().split("\n")[:-1]
        ended = bool(lines) and lines[-1] == "end"
        found = lines[:-1] if ended else lines
        if output.status == 1 or (_FAILED in found and not only_gone(output)):
            raise UnreadableError(f"{', '.join(self.patterns)}: {output.stderr.last_line() or 'cannot be read'}")
        found = [line for line in found if line != _FAILED]
        heads = tuple(map(_decoded, found[: self.most]))
        return HeadsFact(heads=heads, whole=ended and len(found) <= self.most)


def _decoded(line: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return b""

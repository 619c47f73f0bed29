"""Files matched by a pattern, or below some directories."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.facts.presence import listable
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.shell import quote


@dataclass(frozen=True)
class Glob(Reader[tuple[str, ...]]):
    """List the paths matched by a shell pattern (`*`, `?`, `[…]`), sorted; other shell syntax is refused."""

    pattern: str

    def script(self) -> str:
        """Return the script: each match ends with NUL, so that a newline in a name is harmless."""
        return f'{matching((self.pattern,))}\nfor p; do printf "%s\\0" "$p"; done'

    def parse(self, output: Output) -> tuple[str, ...]:
        """Split at NUL."""
        if output.status != 0 or output.truncated:
            why = output.stderr.last_line()
            raise UnreadableError(f"{self.pattern}: the listing is incomplete{f': {why}' if why else ''}")
        return tuple(sorted(output.stdout.decoded().split("\0")[:-1]))


class FilesFact(Fact):
    """The number of files below some directories."""

    count: int | None = None
    """`None` if the files could not be listed."""
    oldest: int | None = None
    """Birth time of the oldest file, in seconds since the epoch; `None` if unknown to the filesystem."""
    whole: bool = True
    """False: the list is truncated, by timeout or cap."""


@dataclass(frozen=True)
class FilesBelow(Reader[FilesFact]):
    """Count the regular files below all directories matched by patterns (as in Glob), without opening a file."""

    patterns: tuple[str, ...]
    name: str = ""
    """Pattern of the files' names (find(1), `-name`); empty: every file."""

    def script(self) -> str:
        """Return the script: each file's time of birth, 0 if unknown (stat(1))."""
        named = f"-name {quote(self.name)} " if self.name else ""
        return f'{matching(self.patterns)}\n[ $# -eq 0 ] || find "$@" -type f {named}-exec stat -c %W {{}} +'

    def parse(self, output: Output) -> FilesFact:
        """Count the lines; a line without a valid time still counts as a file."""
        cut = output.status is None or output.truncated
        if output.status != 0 and not cut and not only_gone(output):
            return FilesFact()
        whole_lines = output.stdout.decoded().split("\n")[:-1]
        births = [int(line) for line in whole_lines if re.fullmatch(r"[1-9][0-9]{0,10}", line)]
        return FilesFact(count=len(whole_lines), oldest=min(births, default=None), whole=not cut)


def matching(patterns: Sequence[str]) -> str:
    """Return a script to set the shell's arguments to the matches of the patterns; status 1 for an unknown result."""
    folders = " ".join(dict.fromkeys(_words(folder) for pattern in patterns for folder in _listed(pattern)))
    each = f'for p in {folders}; do listable "$p" || exit 1; done\n' if folders else ""
    return (
        f"{listable()}{each}set --\n"
        f'for p in {" ".join(map(_words, patterns))}; do there "$p"\n'
        'case $? in 0) set -- "$@" "$p" ;; 2) exit 1 ;; esac; done'
    )


_GONE = re.compile(r": No such file or directory(?: \(os error 2\))?$")
"""The end of a complaint; uutils' coreutils add the number of the error."""


def only_gone(output: Output) -> bool:
    """Return True if find(1) complained only of names gone meanwhile."""
    lines = output.stderr.lines()
    return bool(lines) and all(_GONE.search(line) for line in lines)


def _listed(pattern: str) -> Iterator[str]:
    """Yield the directories, as patterns, to be listed for a match, and the directories to be searched."""
    parts = pattern.split("/")
    for place, part in enumerate(parts):
        if set(part) & set("*?["):
            yield "/".join(parts[:place]) or "/"
            if place + 1 < len(parts):
                yield "/".join(parts[: place + 1])


def _words(pattern: str) -> str:
    """Quote a pattern for the shell, except the pattern characters."""
    return "".join(c if c in "*?[]" else quote(c) for c in pattern)

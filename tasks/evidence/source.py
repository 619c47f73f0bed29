"""The kinds of thing that an artifact reads, each as data, and as the POSIX shell script that reads it.

A script writes nothing on the host: no here-document and no sort(1), which may spill into a temporary file.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orchestrator.shell import join, quote

Pattern: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[\w./+@\[\]*?-]*$")]
"""A path, with `*`, `?` and `[…]` as the shell has them."""
Word: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\S+$")]
CommandLine: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[\w./=,:+-]+( [\w./=,:+-]+)*$")]
"""A program and its words, parted by one blank; none holds a blank or needs quotes."""
Within: TypeAlias = Literal["/", "filesystems", "homes", "web-roots"]
"""Where paths begin: at the root, each local filesystem, each home, each directory that a web server shows."""


@cache
def shell(name: str) -> str:
    """Give a file of the folder `sh`."""
    return (files("tasks.evidence") / "sh" / f"{name}.sh").read_text("utf-8")


class Source(BaseModel):
    """One thing to read. Its script adds to the status `s`, and ends the shell in no case but a missing tool."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    @abstractmethod
    def libraries(self) -> tuple[str, ...]:
        """Name the files of `sh` whose functions the script calls."""

    @abstractmethod
    def script(self) -> str:
        """Give the script, without the functions."""


class Show(Source):
    """Text of the kernel or small files, line by line, read by the shell itself."""

    kind: Literal["show"] = "show"
    paths: tuple[Pattern, ...]

    def libraries(self) -> tuple[str, ...]:
        """Just one."""
        return ("show",)

    def script(self) -> str:
        """Show what the patterns match."""
        return f"show {' '.join(map(_glob, self.paths))}"


class Strings(Source):
    """Files of the kernel that hold strings ended by NUL."""

    kind: Literal["strings"] = "strings"
    paths: tuple[Pattern, ...]

    def libraries(self) -> tuple[str, ...]:
        """Just one."""
        return ("strings",)

    def script(self) -> str:
        """Show what the patterns match."""
        return f"strings {' '.join(map(_glob, self.paths))}"


class Run(Source):
    """Commands that only read; of alternatives, the first that is installed."""

    kind: Literal["run"] = "run"
    commands: tuple[tuple[CommandLine, ...], ...]
    optional: bool = False
    """Not every host has them: where none is installed, that is said, and is no error."""

    def libraries(self) -> tuple[str, ...]:
        """Just one."""
        return ("run",)

    def script(self) -> str:
        """Run one after the other."""
        calls = "\n".join(f"run {join(alternatives)}" for alternatives in self.commands)
        return f"missing={0 if self.optional else 127}\n{calls}"


class Walk(Source):
    """Metadata of every entry below some paths, as a body file; nothing is opened but directories."""

    kind: Literal["walk"] = "walk"
    within: Within = "/"
    paths: tuple[Pattern, ...] = ("",)
    tests: tuple[Word, ...] = ()
    """Words for find(1): which entries."""

    def libraries(self) -> tuple[str, ...]:
        """Where, and the walk."""
        return (*_PLACES[self.within], "walk")

    def script(self) -> str:
        """Walk each path, without leaving its filesystem."""
        tests = f" {join(self.tests)}" if self.tests else ""
        return f'{_starts(self.within, self.paths)}\n[ $# -eq 0 ] || walk "$@" -xdev{tests}'


class Archive(Source):
    """Contents of files, as a tar archive."""

    kind: Literal["archive"] = "archive"
    within: Within = "/"
    paths: tuple[Pattern, ...] = ("",)
    tests: tuple[Word, ...] = ()
    """Words for find(1): which of the files; their paths begin with `./`."""
    first: Literal["recent", "unpackaged"] = "recent"
    """What comes first: written within the last eight days, or changed since the last package operation."""
    each: int = Field(10 << 20, gt=0)
    """Bytes on disk from which on a file is left out."""

    def libraries(self) -> tuple[str, ...]:
        """Where, and the archive."""
        return (*_PLACES[self.within], self.first, "archive")

    def script(self) -> str:
        """Archive what the tests choose."""
        settings = f"each={self.each} tests={quote(' '.join(self.tests))}"
        return f'{_starts(self.within, self.paths)}\n{settings}\narchive "$@"'


class Script(Source):
    """A script of its own, from the folder `sh`."""

    kind: Literal["script"] = "script"
    name: str
    uses: tuple[str, ...] = ()
    """Files of `sh` whose functions it calls."""
    within: Within = "/"
    paths: tuple[Pattern, ...] = ()
    """Its arguments, as far as they are there."""

    def libraries(self) -> tuple[str, ...]:
        """Where, and what it uses."""
        return (*_PLACES[self.within], *self.uses)

    def script(self) -> str:
        """Give the file."""
        starts = f"{_starts(self.within, self.paths)}\n" if self.paths else ""
        return f"{starts}{shell(self.name)}"


AnySource: TypeAlias = Annotated[Show | Strings | Run | Walk | Archive | Script, Field(discriminator="kind")]

_PLACES: dict[Within, tuple[str, ...]] = {
    "/": (),
    "filesystems": ("filesystems",),
    "homes": ("homes",),
    "web-roots": ("web_roots",),
}


def _glob(pattern: str) -> str:
    return "".join(c if c in "*?[]" else quote(c) for c in pattern)


def _starts(within: Within, paths: tuple[str, ...]) -> str:
    """Put the paths that are there into the shell's arguments."""
    add = 'if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi'
    if within == "/":
        words = " ".join(_glob(path) or "/" for path in paths)
        return f"set --\nfor path in {words}; do {add}; done"
    words = " ".join(f'"$place"/{_glob(path)}' if path else '"$place"' for path in paths)
    each = f"for path in {words}; do {add}; done"
    return f"set --; set -f; IFS=$nl\nfor place in $places; do set +f; {each}; done\nset +f; unset IFS"

"""Sources of an artifact, as data and as a POSIX shell script.

Scripts write nothing on the host: no here-document, and no sort(1), since sort may use a temporary file.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from stopgap.orchestrator.facts.inode_flags import ways
from stopgap.orchestrator.shell import join, quote
from stopgap.orchestrator.source import Unfit, did_you_mean, quoted
from stopgap.orchestrator.text import tr

Pattern: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[\w./+@\[\]*?-]*$")]
"""A path, with `*`, `?` and `[…]` as the shell has them."""
CommandLine: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z/][\w./=,:+-]*( [\w./=,:+-]+)*$")]
"""A program and its words, parted by one blank; none holds a blank or needs quotes."""
Within: TypeAlias = Literal["/", "filesystems", "homes", "web-roots", "containers"]
"""Where paths begin: at the root, each local filesystem, each home, each directory that a web server shows, each
directory in which a container keeps what it changed, and each volume of one."""

INODE_FLAGS = "inode_flags"
V = TypeVar("V")
_SIZE = re.compile(r"([1-9][0-9]{0,10}) (B|KiB|MiB|GiB)")
SIZE_SCHEMA = {"type": "string", "pattern": "^[1-9][0-9]{0,10} (B|KiB|MiB|GiB)$"}
_ONE_OR_MORE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_UNITS = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30}
_WORD = re.compile(r"@?[\w./*?:!+,=\[\]()-]+")
_TESTS = frozenset(
    (
        "-a",
        "-o",
        "-amin",
        "-atime",
        "-cmin",
        "-cnewer",
        "-ctime",
        "-empty",
        "-group",
        "-gid",
        "-iname",
        "-inum",
        "-ipath",
        "-links",
        "-maxdepth",
        "-mindepth",
        "-mmin",
        "-mtime",
        "-name",
        "-newer",
        "-nogroup",
        "-nouser",
        "-path",
        "-perm",
        "-size",
        "-type",
        "-uid",
        "-user",
    )
)
"""What find(1) is asked; what it could be told to do, such as -delete and -exec, is not among it."""


def _size(value: object) -> int:
    text = str(value)
    if found := _SIZE.fullmatch(text):
        return int(found[1]) << _UNITS[found[2]]
    hint = tr("write {text} KiB, {text} MiB or {text} GiB", text=text) if text.isdigit() else None
    raise Unfit(
        tr("{value} is no size", value=quoted(value)),
        tr("a number with its unit, such as 10 MiB (B, KiB, MiB, GiB)"),
        hint,
    )


def _words(value: Any) -> Any:  # noqa: ANN401
    return value.split() if isinstance(value, str) else value


def _tests(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        if not _WORD.fullmatch(word) or "@" in word[1:]:
            raise Unfit(
                tr("{word} is no word that find(1) gets", word=quoted(word)),
                tr("a test, a pattern, or `@` and a selection"),
            )
        if word.startswith("-") and not word[1:].isdigit() and word not in _TESTS and not _MODE.fullmatch(word):
            raise Unfit(
                tr("find(1) is not given {word}", word=word), tr("a test that only looks"), did_you_mean(word, _TESTS)
            )
    return words


def _some(values: tuple[V, ...]) -> tuple[V, ...]:
    # Checked after the items: pydantic's own length limit would also count valid items.
    if not values:
        raise Unfit(tr("there is nothing in it"), tr("at least one"))
    return values


def _alternatives(value: Any) -> Any:  # noqa: ANN401
    return (value,) if isinstance(value, str) else value


_MODE = re.compile(r"-[0-7]{4}|-[0-9]+[cwbkMG]?")

Size: TypeAlias = Annotated[
    int,
    BeforeValidator(_size),
    Field(gt=0, le=64 << 30),
    PlainSerializer(lambda size: f"{size} B", when_used="json"),
    WithJsonSchema(SIZE_SCHEMA),
]
"""Bytes; a file says `10 MiB`, and never a bare number."""
Tests: TypeAlias = Annotated[
    tuple[str, ...], BeforeValidator(_words), AfterValidator(_tests), WithJsonSchema(_ONE_OR_MORE)
]
"""Words for find(1), parted by blanks where they are one text; `@name` stands for the selection of that name."""


@cache
def shell(name: str) -> str:
    """Return a script of the folder `sh`; `inode_flags` comes from the code shared with host.unlock."""
    if name == INODE_FLAGS:
        return ways()
    return (files("stopgap.tasks.evidence") / "sh" / f"{name}.sh").read_text("utf-8")


@cache
def shell_names() -> frozenset[str]:
    """Name the files of the folder `sh`."""
    return frozenset(
        (INODE_FLAGS, *(f.name.removesuffix(".sh") for f in (files("stopgap.tasks.evidence") / "sh").iterdir()))
    )


def _known_shell(name: str) -> str:
    if name not in shell_names():
        raise Unfit(
            tr("no script {name}", name=quoted(name)), tr("one of Stopgap's own"), did_you_mean(name, shell_names())
        )
    return name


Some: TypeAlias = Annotated[tuple[V, ...], AfterValidator(_some)]
"""A list of one or more."""
Alternatives: TypeAlias = Annotated[Some[CommandLine], BeforeValidator(_alternatives), WithJsonSchema(_ONE_OR_MORE)]
ShellName: TypeAlias = Annotated[str, AfterValidator(_known_shell)]


class Source(BaseModel):
    """One source of an artifact. The script adds to the status `s`; only a missing tool ends the shell."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    @abstractmethod
    def libraries(self) -> tuple[str, ...]:
        """Return the names of the files in `sh` needed by the script."""

    @abstractmethod
    def script(self) -> str:
        """Give the script, without the functions."""


class Show(Source):
    """Text of the kernel or small files, printed line by line by the shell."""

    kind: Literal["show"] = "show"
    paths: Some[Pattern]

    def libraries(self) -> tuple[str, ...]:
        """Return the library `show`."""
        return ("show",)

    def script(self) -> str:
        """Return a script to print the files matched by the patterns."""
        return f"show {' '.join(map(_glob, self.paths))}"


class Strings(Source):
    """Kernel files of NUL-terminated strings."""

    kind: Literal["strings"] = "strings"
    paths: Some[Pattern]

    def libraries(self) -> tuple[str, ...]:
        """Return the library `strings`."""
        return ("strings",)

    def script(self) -> str:
        """Return a script to print the strings of the files matched by the patterns."""
        return f"strings {' '.join(map(_glob, self.paths))}"


class Run(Source):
    """Read-only commands; of several alternatives, the first installed command runs."""

    kind: Literal["run"] = "run"
    commands: Some[Alternatives]
    optional: bool = False
    """Not every host has them: where none is installed, that is said, and is no error."""

    def libraries(self) -> tuple[str, ...]:
        """Return the library `run`."""
        return ("run",)

    def script(self) -> str:
        """Return a script to run the commands in order."""
        calls = "\n".join(f"run {join(alternatives)}" for alternatives in self.commands)
        return f"missing={0 if self.optional else 127}\n{calls}"


class Walk(Source):
    """Metadata of every entry below some paths, as a body file; nothing is opened but directories."""

    kind: Literal["walk"] = "walk"
    within: Within = "/"
    paths: tuple[Pattern, ...] = ("",)
    tests: Tests = ()
    """Which entries."""

    def libraries(self) -> tuple[str, ...]:
        """Return the libraries for the starting paths and for the walk."""
        return (*_PLACES[self.within], "walk")

    def script(self) -> str:
        """Return a script to walk each path within one filesystem (`find -xdev`)."""
        tests = f" {join(self.tests)}" if self.tests else ""
        return f'{_starts(self.within, self.paths)}\n[ $# -eq 0 ] || walk "$@" -xdev{tests}'


class Archive(Source):
    """Contents of files, as a tar archive."""

    kind: Literal["archive"] = "archive"
    within: Within = "/"
    paths: tuple[Pattern, ...] = ("",)
    tests: Tests = ()
    """Which of the files; their paths begin with `./`."""
    secrets: Literal["withheld", "taken"] = "withheld"
    """Whether the selection `secrets` is added to the tests."""
    first: Literal["recent", "unpackaged"] = "recent"
    """What comes first: written within the last eight days, or changed since the last package operation."""
    each: Size = 10 << 20
    """Bytes on disk from which on a file is left out."""
    unexplained: bool = False
    """Whether files are left out that a package brought and that did not change since."""

    def libraries(self) -> tuple[str, ...]:
        """Return the libraries for the starting paths and for the archive."""
        return (*_PLACES[self.within], self.first, "archive", *(("unexplained",) if self.unexplained else ()))

    def script(self) -> str:
        """Return a script to archive the files matched by the tests."""
        settings = f"each={self.each} tests={quote(' '.join(self.tests))}"
        archive = "unexplained" if self.unexplained else "archive"
        return f'{_starts(self.within, self.paths)}\n{settings}\n{archive} "$@"'


class Script(Source):
    """A script file from the folder `sh`."""

    kind: Literal["script"] = "script"
    name: ShellName
    uses: tuple[ShellName, ...] = ()
    """Files of `sh` whose functions it calls."""
    within: Within = "/"
    paths: tuple[Pattern, ...] = ()
    """Its arguments, as far as they are there."""

    def libraries(self) -> tuple[str, ...]:
        """Return the libraries for the starting paths and the libraries in `uses`."""
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
    "containers": ("containers_upper",),
}


def _glob(pattern: str) -> str:
    return "".join(c if c in "*?[]" else quote(c) for c in pattern)


def _starts(within: Within, paths: tuple[str, ...]) -> str:
    """Return shell text to set the arguments to the existing paths, without mounts that do not answer."""
    add = 'if present "$path"; then set -- "$@" "$path"; fi'
    if within == "/":
        words = " ".join(_glob(path) or "/" for path in paths)
        return f"set --; later=1 unseen=\nfor path in {words}; do {add}; done\nsettle; later=\n{shell('around')}"
    words = " ".join(f'"$place"/{_glob(path)}' if path else '"$place"' for path in paths)
    each = f"for path in {words}; do {add}; done"
    every = (
        "set --; later=1 unseen=; set -f; IFS=$nl\n"
        f"for place in $places; do set +f; {each}; done\nset +f; unset IFS; settle; later="
    )
    return f"{every}\n{shell('around')}"

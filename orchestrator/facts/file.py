"""Files, as they lie on a host."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.shell import quote

CONTENT_CAP = 1 << 20
"""Bytes of a file's content that a probe brings; a larger file is never overwritten, since it could not be undone."""


def _content_from_json(value: Any) -> bytes | None:  # noqa: ANN401
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {"base64"}:
        return base64.b64decode(value["base64"], validate=True)
    raise ValueError('content is text, {"base64": …} or null')


def _content_to_json(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


Content = Annotated[bytes, PlainValidator(_content_from_json), PlainSerializer(_content_to_json)]
"""Bytes; in JSON text where they are UTF-8, otherwise `{"base64": …}`."""


class FileFact(Fact):
    """One path: what lies there, with everything that an undo needs to put it back."""

    kind: Literal["absent", "file", "directory", "link", "other"] = "absent"
    mode: int = 0
    """Permission bits, setuid and sticky included."""
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: int = 0
    """Seconds since the epoch; not compared, since a restored file gets it back as well as it can."""
    content: Content | None = None
    """Of a file up to CONTENT_CAP; None for all else."""
    link_to: str | None = None

    @property
    def sha256(self) -> str | None:
        """Hash of the content, where it was read."""
        return None if self.content is None else hashlib.sha256(self.content).hexdigest()

    def text(self) -> str | None:
        """Give the content as text, bytes that are not UTF-8 as surrogates; None where there is none."""
        return None if self.content is None else self.content.decode("utf-8", "surrogateescape")

    def same_as(self, other: FileFact) -> bool:
        """Tell whether kind, owner, mode and content are the same; the time does not count."""
        return self.model_dump(exclude={"modified", "size"}) == other.model_dump(exclude={"modified", "size"})


ABSENT = FileFact()

_KINDS: dict[int, Literal["file", "directory", "link"]] = {
    0o100000: "file",
    0o040000: "directory",
    0o120000: "link",
}


@dataclass(frozen=True)
class File(Reader[FileFact]):
    """Read one path: metadata, a link's destination (not followed), and a file's content up to CONTENT_CAP."""

    path: str
    cap = CONTENT_CAP + 4096

    def script(self) -> str:
        """Print one line of metadata, then a link's destination or a file's content."""
        path = quote(self.path)
        return (
            f"if [ -L {path} ]; then stat -c '%f %u %g %s %Y' -- {path} && readlink -- {path}\n"
            f"elif [ -f {path} ]; then stat -c '%f %u %g %s %Y' -- {path} && head -c {CONTENT_CAP + 1} -- {path}\n"
            f"elif [ -e {path} ]; then stat -c '%f %u %g %s %Y' -- {path}\n"
            "else echo absent; fi"
        )

    def parse(self, output: Output) -> FileFact:
        """Read the line of metadata; what follows is the content, byte for byte."""
        head, _, rest = output.stdout.raw.partition(b"\n")
        if output.status != 0:
            raise UnreadableError(f"{self.path}: {output.stderr.last_line() or 'cannot be read'}")
        if head == b"absent":
            return ABSENT
        try:
            mode_hex, *numbers = head.split()
            raw_mode, (uid, gid, size, modified) = int(mode_hex, 16), [int(n) for n in numbers]
        except ValueError:
            raise UnreadableError(f"{self.path}: stat printed something else than numbers") from None
        kind = _KINDS.get(raw_mode & 0o170000, "other")
        return FileFact(
            kind=kind,
            mode=raw_mode & 0o7777,
            uid=uid,
            gid=gid,
            size=size,
            modified=modified,
            content=rest if kind == "file" and len(rest) <= CONTENT_CAP else None,
            link_to=rest.removesuffix(b"\n").decode("utf-8", "surrogateescape") if kind == "link" else None,
        )


@dataclass(frozen=True)
class Glob(Reader[tuple[str, ...]]):
    """List the paths that match a shell pattern (`*`, `?`, `[…]`), sorted; a pattern holds no other shell syntax."""

    pattern: str

    def script(self) -> str:
        """Print each match, ended by NUL, so that a newline in a name does not split it."""
        words = glob_words(self.pattern)
        return f'for p in {words}; do if [ -e "$p" ] || [ -L "$p" ]; then printf "%s\\0" "$p"; fi; done'

    def parse(self, output: Output) -> tuple[str, ...]:
        """Split at NUL."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(f"{self.pattern}: the listing is incomplete")
        return tuple(sorted(output.stdout.decoded().split("\0")[:-1]))


class FilesFact(Fact):
    """The files below some directories, counted."""

    count: int | None = None
    """None where they could not be listed."""
    oldest: int | None = None
    """When the first of them was made, in seconds since the epoch; None where the filesystem does not say."""
    whole: bool = True
    """False: there are more, which were not listed in time or within the cap."""


@dataclass(frozen=True)
class FilesBelow(Reader[FilesFact]):
    """Count the regular files below all directories that match some patterns (as Glob has them), opening none."""

    patterns: tuple[str, ...]

    def script(self) -> str:
        """Print each file's time of birth, 0 where it is not known (stat(1))."""
        words = " ".join(map(glob_words, self.patterns))
        return (
            f'set --; for p in {words}; do if [ -d "$p" ]; then set -- "$@" "$p"; fi; done\n'
            'if [ $# -gt 0 ]; then find "$@" -type f -exec stat -c %W {} +; fi'
        )

    def parse(self, output: Output) -> FilesFact:
        """Count the lines; those that are no times count as files all the same."""
        cut = output.status is None or output.truncated
        if output.status != 0 and not cut:
            return FilesFact()
        whole_lines = output.stdout.decoded().split("\n")[:-1]
        births = [int(line) for line in whole_lines if re.fullmatch(r"[1-9][0-9]{0,10}", line)]
        return FilesFact(count=len(whole_lines), oldest=min(births, default=None), whole=not cut)


def glob_words(pattern: str) -> str:
    """Quote a pattern for the shell, but for what makes it one."""
    return "".join(c if c in "*?[]" else quote(c) for c in pattern)

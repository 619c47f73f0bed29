"""Files on a host."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator

from stopgap.orchestrator.facts.presence import there
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import quote

CONTENT_CAP = 1 << 20
"""Most bytes of a file's content read by a probe; a larger file is never overwritten, for lack of an undo."""


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
"""Bytes; as JSON text for valid UTF-8, otherwise `{"base64": …}`."""


class FileFact(Fact):
    """One path: kind, metadata and content, sufficient for an undo."""

    kind: Literal["absent", "file", "directory", "link", "other"] = "absent"
    mode: int = 0
    """Permission bits, setuid and sticky included."""
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: int = 0
    """Seconds since the epoch; not compared, since a restored file regains the time only as far as possible."""
    content: Content | None = None
    """Content of a file up to CONTENT_CAP; otherwise `None`."""
    link_to: str | None = None
    extended: Mapping[str, Content] | None = None
    """Extended attributes (xattr(7)) wanted on a file, by name; `None`: inherited from the directory."""
    flags: int = 0
    """Inode flags (ioctl_iflags(2)); as `extended`, not compared."""

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the content, if read."""
        return None if self.content is None else hashlib.sha256(self.content).hexdigest()

    def text(self) -> str | None:
        """Return the content as text, bytes outside UTF-8 as surrogates; `None` without content."""
        return None if self.content is None else self.content.decode("utf-8", "surrogateescape")

    def same_as(self, other: FileFact) -> bool:
        """Return True for equal kind, owner, mode and content; other attributes do not count."""
        return self.model_dump(exclude=_NOT_COMPARED) == other.model_dump(exclude=_NOT_COMPARED)


_NOT_COMPARED = {"modified", "size", "extended", "flags"}
ABSENT = FileFact()

_KINDS: dict[int, Literal["file", "directory", "link"]] = {
    0o100000: "file",
    0o040000: "directory",
    0o120000: "link",
}


_READ = r"""
seen() { stat -c '%f %u %g %s %Y' -- "$1"; }
# Reads descriptor 3, which is still what lies at the path: an account that can put a link there shows nothing by it.
content() {
    set -- "$1" "$(stat -c '%d:%i' -- "$p")" "$(stat -L -c '%d:%i' /proc/self/fd/3 3<&3)"
    [ "$2" = "$3" ] || { echo 'another file lies there meanwhile' >&2; return 1; }
    stat -L -c '%f %u %g %s %Y' /proc/self/fd/3 3<&3 && head -c "$1" <&3
}
"""


@dataclass(frozen=True)
class File(Reader[FileFact]):
    """Read one path: metadata, a link's destination (not followed), and a file's content up to CONTENT_CAP bytes."""

    path: str
    changes: bool = True
    """A step that reads the path may change it by a PathChange: its prospects are read with it."""
    cap = CONTENT_CAP + 4096

    def script(self) -> str:
        """Return the script: a line of metadata, then a link's destination or a file's content, of the same inode."""
        path = quote(self.path)
        return (
            f"{there()}{_READ}p={path}\n"
            'there "$p"\ncase $? in 1) echo absent; exit 0 ;; 2) exit 1 ;; esac\n'
            'if [ -L "$p" ]; then seen "$p" && readlink -- "$p"\n'
            f'elif [ -f "$p" ]; then {{ content {CONTENT_CAP + 1}; }} 3<"$p"\n'
            'else seen "$p"; fi'
        )

    def parse(self, output: Output) -> FileFact:
        """Parse the line of metadata; the rest is the content, byte for byte."""
        head, _, rest = output.stdout.raw.partition(b"\n")
        if output.status != 0:
            why = output.stderr.last_line().rpartition(": ")[2]
            raise UnreadableError(f"{self.path}: cannot be read{f': {why}' if why else ''}")
        if head == b"absent":
            return ABSENT
        mode_hex, *words = head.split() or [b""]
        raw_mode, numbers = parse_int(mode_hex, 8, base=16), [parse_int(word, signed=True) for word in words]
        if raw_mode is None or len(numbers) != 4 or None in numbers:
            raise UnreadableError(f"{self.path}: stat printed something else than numbers")
        uid, gid, size, modified = (number or 0 for number in numbers)
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

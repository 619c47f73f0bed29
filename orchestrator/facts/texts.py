"""Whole small files by patterns: settings that mention a word."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from stopgap.orchestrator.facts.file import FileFact
from stopgap.orchestrator.facts.files import matching
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int

LONGEST = 64 << 10
"""Bytes of a file; a longer file comes without content."""


class TextsFact(Fact):
    """Files by path. A symbolic link is of kind `link`, with the content of the file behind the link."""

    files: Mapping[str, FileFact] = {}
    whole: bool = True
    """False: a directory could not be listed, or the output was cut."""


@dataclass(frozen=True)
class Texts(Reader[TextsFact]):
    """Read the regular files matched by patterns (as in Glob), each with metadata and content up to LONGEST bytes."""

    patterns: tuple[str, ...]
    cap = 8 << 20
    deadline = 20.0

    def script(self) -> str:
        """Return the script: path, kind with metadata, and lines of base64 with the content, each ended by NUL; then
        `end`.
        """
        return (
            f"{matching(self.patterns)}\n"
            'for p; do [ -f "$p" ] && [ -r "$p" ] || continue\n'
            'k=file; [ ! -L "$p" ] || k=link\n'
            'printf "%s\\0%s " "$p" $k\n'
            "{ stat -L -c '%f %u %g %s %Y' /proc/self/fd/3 3<&3; printf '\\0'\n"
            f"head -c {LONGEST + 1} <&3 | base64; printf '\\0'; }} 3<\"$p\"\n"
            "done\nprintf end"
        )

    def parse(self, output: Output) -> TextsFact:
        """Parse the fields in groups of three; raises UnreadableError for fields of another form."""
        if output.status == 1:
            return TextsFact(whole=False)
        fields = output.stdout.decoded().split("\0")
        whole = output.status == 0 and not output.truncated and fields[-1] == "end"
        count = (len(fields) - 1) // 3 * 3
        rows = zip(fields[:count:3], fields[1:count:3], fields[2:count:3], strict=True)
        return TextsFact(files={path: _file(path, said, text) for path, said, text in rows}, whole=whole)


def _file(path: str, said: str, text: str) -> FileFact:
    kind, mode, *words = said.removesuffix("\n").split(" ")
    numbers = [parse_int(word, signed=True) for word in words]
    raw = parse_int(mode, 8, base=16)
    try:
        content = base64.b64decode(text.replace("\n", ""), validate=True)
    except binascii.Error:
        content = None
    if raw is None or len(numbers) != 4 or None in numbers or content is None or kind not in {"file", "link"}:
        raise UnreadableError(f"{path}: no complete answer")
    uid, gid, size, modified = (number or 0 for number in numbers)
    return FileFact.model_validate(
        {
            "kind": kind,
            "mode": raw & 0o7777,
            "uid": uid,
            "gid": gid,
            "size": size,
            "modified": modified,
            "content": content if len(content) <= LONGEST else None,
        }
    )

"""Parser of a device's terminal output: the end of the echoed line, and the end of the answer.

A prompt or a question is searched for in the last received line alone, and only in a line of plausible length.
Parsing time therefore grows in proportion to the output, for any output.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Hear = Callable[[], bytes]
"""Returns the next bytes, at least one byte. Raises OSError at the end."""

_LONGEST = 1024
"""Bytes of the longest line accepted as a prompt or a question."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,16}[ -/]{0,4}[@-~]")
"""Control sequences of a terminal (ECMA-48, section 5.4): colours, movements of the cursor."""
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ufffd]+")


@dataclass(frozen=True)
class Prompt:
    """The prefix of the login's prompt, in every mode."""

    start: str

    def is_in(self, line: str) -> bool:
        """Return True for a prompt line, or for a prompt after the `[edit …]` line of Junos and VyOS."""
        if line.startswith("[edit"):
            line = line.partition("]")[2].strip()
        return line[-1:] in {"#", ">", "$"} and line.casefold().startswith(self.start.casefold())


def repeated(line: str, hear: Hear) -> tuple[bytes, bytes]:
    """Read until the echo of a sent line; return the text before and the text after the echo."""
    wanted = "".join(line.split())
    came, begins, searched = bytearray(), 0, 0
    while True:
        while (end := came.find(b"\n", searched)) >= 0:
            if "".join(_plain(came[begins:end]).split()).endswith(wanted):
                return bytes(came[:begins]), bytes(came[end + 1 :])
            begins = searched = end + 1
        searched = len(came)
        came += hear()


def answered(came: bytes, hear: Hear, ends: Callable[[str], bool]) -> tuple[bytes, str]:
    """Read until the last line ends the answer; return the whole answer and the last line."""
    heard = bytearray(came)
    while not ends(last := last_line(heard)):
        heard += hear()
    return bytes(heard), last


def last_line(heard: bytearray) -> str:
    """Return the unfinished line, trimmed and without control characters; empty for an overlong line."""
    tail = bytes(heard[-_LONGEST - 1 :])
    begins = tail.rfind(b"\n")
    if begins < 0 and len(heard) > _LONGEST:
        return ""
    parts = [part for part in tail[begins + 1 :].split(b"\r") if part.strip()]
    return _plain(parts[-1]).strip() if parts else ""


def told(heard: bytes, prompt: Prompt) -> str:
    """Return the output without the final prompts and without terminal control sequences."""
    lines = _ESCAPES.sub("", heard.decode("utf-8", "replace").replace("\r", "")).split("\n")
    while lines and _is_quiet(lines[-1], prompt):
        lines.pop()
    return "\n".join(lines).strip("\n")


def told_late(heard: bytes, prompt: Prompt) -> str:
    """Return the output without any prompt."""
    lines = _ESCAPES.sub("", heard.decode("utf-8", "replace").replace("\r", "")).split("\n")
    return "\n".join(line for line in lines if not _is_quiet(line, prompt))


def _is_quiet(line: str, prompt: Prompt) -> bool:
    """Return True for an empty line, a prompt, or a line above a prompt."""
    if len(line) > _LONGEST:
        return False
    plain = _CONTROLS.sub("", line).strip()
    return not plain or prompt.is_in(plain) or (plain.startswith("[edit") and plain.endswith("]"))


def _plain(heard: bytes | bytearray) -> str:
    return _CONTROLS.sub("", _ESCAPES.sub("", bytes(heard).decode("utf-8", "replace")))

"""Reading what a device says: where the line ends that it repeats, and where its answer ends.

A prompt or a question is looked for in the last line of what came, and in no line longer than either can be. So what
a device sends costs time in proportion to its length, whatever it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Hear = Callable[[], bytes]
"""Gives what comes next, at least a byte. Raises OSError where nothing does."""

_LONGEST = 1024
"""Bytes of the longest line that is taken for a prompt or a question."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,16}[ -/]{0,4}[@-~]")
"""Control sequences of a terminal (ECMA-48, section 5.4): colours, movements of the cursor."""
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ufffd]+")


@dataclass(frozen=True)
class Prompt:
    """How a prompt of this login begins, in whatever mode."""

    start: str

    def is_in(self, line: str) -> bool:
        """Tell whether a line is a prompt, or one after Junos's and VyOS's `[edit …]`."""
        if line.startswith("[edit"):
            line = line.partition("]")[2].strip()
        return line[-1:] in {"#", ">", "$"} and line.casefold().startswith(self.start.casefold())


def repeated(line: str, hear: Hear) -> tuple[bytes, bytes]:
    """Hear until the device has repeated a line, as a terminal does; give what came before, and what came after."""
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
    """Hear until the last line ends the answer; give all of it, and that line."""
    heard = bytearray(came)
    while not ends(last := last_line(heard)):
        heard += hear()
    return bytes(heard), last


def last_line(heard: bytearray) -> str:
    """Give the line that is not ended yet, trimmed and without control characters; nothing where it is too long."""
    tail = bytes(heard[-_LONGEST - 1 :])
    begins = tail.rfind(b"\n")
    if begins < 0 and len(heard) > _LONGEST:
        return ""
    parts = [part for part in tail[begins + 1 :].split(b"\r") if part.strip()]
    return _plain(parts[-1]).strip() if parts else ""


def told(heard: bytes, prompt: Prompt) -> str:
    """Give what was said without the prompts at its end, and without the terminal's control sequences."""
    lines = _ESCAPES.sub("", heard.decode("utf-8", "replace").replace("\r", "")).split("\n")
    while lines and _is_quiet(lines[-1], prompt):
        lines.pop()
    return "\n".join(lines).strip("\n")


def told_late(heard: bytes, prompt: Prompt) -> str:
    """Give what was said without any prompt."""
    lines = _ESCAPES.sub("", heard.decode("utf-8", "replace").replace("\r", "")).split("\n")
    return "\n".join(line for line in lines if not _is_quiet(line, prompt))


def _is_quiet(line: str, prompt: Prompt) -> bool:
    """Tell whether a line is empty, a prompt, or stands above one."""
    if len(line) > _LONGEST:
        return False
    plain = _CONTROLS.sub("", line).strip()
    return not plain or prompt.is_in(plain) or (plain.startswith("[edit") and plain.endswith("]"))


def _plain(heard: bytes | bytearray) -> str:
    return _CONTROLS.sub("", _ESCAPES.sub("", bytes(heard).decode("utf-8", "replace")))

"""Quoting of values as words of a POSIX shell script for a host, in this module only."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Search path of scripts on a host, independent of the host's login scripts."""

SUDO_PROGRAMS = "STOPGAP_SUDO"
"""Variable of scripts on a host: the programs that the account runs as root, by sudo(8)."""
RUN_FOLDER = "STOPGAP_RUN"
"""Variable of scripts on a host: a folder of the account's own, emptied by a reboot, where /run is root's."""
BY_SUDO = (
    f'for sg_program in ${SUDO_PROGRAMS}; do command -v "$sg_program" >/dev/null && '
    'eval "$sg_program() { sudo -n -- $sg_program \\"\\$@\\"; }"; done\n'
)
"""Shell code that gives each of these programs a function of its name; a shell within the script needs it again."""


def quote(word: str) -> str:
    """Quote one word for sh; a NUL, impossible in an argument, raises ValueError.

    >>> quote("two words; reboot")
    "'two words; reboot'"
    """
    if "\0" in word:
        raise ValueError("a NUL byte cannot stand in a command")
    return shlex.quote(word)


def join(argv: Iterable[str]) -> str:
    """Quote a command's words, so that the shell passes the same words to the command.

    >>> join(["systemctl", "stop", "postfix.service"])
    'systemctl stop postfix.service'
    """
    return " ".join(quote(word) for word in argv)


def emit(content: bytes) -> str:
    """Return a command to print the exact bytes with the shell's own printf.

    `printf` is a builtin of dash, bash and busybox ash: no argument list shows the content, and no limit on the
    length of arguments applies. Text without NUL is quoted; other bytes become octal escapes.
    """
    if b"\0" not in content:
        try:
            return f"printf %s {shlex.quote(content.decode())}"
        except UnicodeDecodeError:
            pass
    octal = "".join(f"\\{byte:03o}" for byte in content)
    return f"printf {shlex.quote(octal)}"

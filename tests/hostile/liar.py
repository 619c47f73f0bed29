"""A host with a real shell behind it, which answers each item of an exchange honestly or with a lie."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace

from .server import Behaviour, Shell

_STOPS = b"$_sg_status = 0 ] || _sg_stop=yes"
_PORTION = 32000


@dataclass(frozen=True)
class Said:
    """What an item gave."""

    stdout: bytes = b""
    stderr: bytes = b""
    status: int = 0

    def but(self, **changes: object) -> Said:
        """Give it with changes."""
        return replace(self, **changes)  # type: ignore[arg-type]


class CutError(Exception):
    """The lie is to hang up."""


Lie = Callable[[str, Callable[[], Said]], Said]
"""From an item's script, and a function that runs it honestly, to what is said of it."""


def items_of(script: bytes) -> list[str]:
    """Give the items of an exchange's script."""
    begin = re.search(rb"\n(?:_sg_t0=|_sg_item 0 )", script)
    assert begin is not None
    words = shlex.split(script[begin.start() :].decode("utf-8", "surrogateescape"))
    texts = dict(word.split("=", 1) for word in words if re.match(r"_sg_t\d+=", word))
    return [
        re.sub(r"\$(_sg_t\d+)", lambda name: texts[name[1]], words[at + 2])
        for at, word in enumerate(words)
        if word == "_sg_item"
    ]


def lying(lie: Lie) -> Behaviour:
    """Serve so: an exec of anything but the framed shell is run as it stands, through the same lie."""

    def behave(shell: Shell) -> None:
        script = shell.read_script()
        items = items_of(script) if shell.framed else [shell.command]
        failed = False
        try:
            for index, item in enumerate(items):
                if failed and _STOPS in script:
                    shell.both(b"<N> N %d\n" % index)
                    continue
                if shell.framed:
                    shell.both(b"<N> B %d 999999 1\n" % index)
                said = lie(item, lambda item=item: _honestly(item))
                for start in range(0, len(said.stdout), _PORTION):
                    shell.channel.sendall(said.stdout[start : start + _PORTION])
                shell.channel.sendall_stderr(said.stderr)
                if shell.framed:
                    shell.both(b"<N> E %d %d\n" % (index, said.status))
                failed = failed or said.status != 0
        except CutError:
            shell.transport.close()
            return
        shell.channel.send_exit_status(said.status)
        shell.channel.close()

    return behave


def _honestly(item: str) -> Said:
    made = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1"', "sh", item],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=180,
        check=False,
        cwd="/",
        env={"PATH": os.defpath + ":/usr/sbin:/sbin", "LC_ALL": "C"},
    )
    return Said(made.stdout, made.stderr, made.returncode % 256)

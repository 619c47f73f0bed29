"""The blocks of a manual, and shells in the lab that they are pasted into."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "scripts" / "lab"
PATIENCE = 180.0
"""Seconds that a block may take."""
_BLOCK = re.compile(r'<pre class="shell" data-host="(.*?)" data-kind="(.*?)">(.*?)</pre>', re.DOTALL)


class Failed(Exception):  # noqa: N818
    """A block did not do what the manual says; the message says which, and what came of it."""


@dataclass(frozen=True)
class Block:
    """A block as it stands in the manual."""

    host: str
    """Empty: the machine that runs Stopgap."""
    kind: str
    """`do`, `by-hand` or `undo`."""
    lines: str


def blocks(manual: str) -> list[Block]:
    """Return the blocks of a manual's page, in their order."""
    return [Block(host, kind, unescape(lines)) for host, kind, lines in _BLOCK.findall(manual)]


def paste_on_host(block: Block) -> None:
    """Paste a block into a root shell of the host that it names. Raises Failed."""
    done = subprocess.run(
        [LAB, "ssh", block.host, "sh", "-e"], input=block.lines, capture_output=True, text=True, timeout=PATIENCE
    )
    if done.returncode:
        raise Failed(f"on {block.host}: exit status {done.returncode}\n{block.lines}\n{done.stdout}{done.stderr}")


class Terminal:
    """A shell of the operator on a terminal, line by line: what asks for yes or no gets yes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        given = [f"{name}={value}" for name, value in environment.items()]
        self.said = ""
        self._pid, self._file = pty.fork()
        if self._pid == 0:
            os.chdir(ROOT)
            os.execv(LAB, [str(LAB), "exec", "operator", "env", "PS1=ready:$? ", *given, "sh"])
        self._until_ready()
        self._type("stty -echo")
        self._until_ready()

    def paste(self, block: Block) -> str:
        """Paste the lines of a block, each when the one before is over; return what they said. Raises Failed."""
        said = ""
        for line in block.lines.splitlines():
            self._type(line)
            status, told = self._until_ready()
            said += told
            if status != 0:
                raise Failed(f"exit status {status}:\n{line}\n{told}")
        self.said += said
        return said

    def close(self) -> None:
        """End the shell."""
        os.close(self._file)
        os.waitpid(self._pid, 0)

    def _until_ready(self) -> tuple[int, str]:
        """Return exit status and output of the block, once the shell waits again. Raises Failed."""
        said, answered = "", 0
        end = time.monotonic() + PATIENCE
        while not (over := re.search(r"ready:(\d+) $", said)):
            if time.monotonic() > end:
                raise Failed(f"it did not end:\n{said}")
            if select.select([self._file], [], [], 0.2)[0]:
                said += self._read()
            if said.count("[yes/no]") > answered:
                answered += 1
                self._type("yes")
        return int(over[1]), said

    def _type(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())

    def _read(self) -> str:
        try:
            return os.read(self._file, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
        except OSError:
            raise Failed(f"the shell ended:\n{self.said}") from None


def by_hand(found: list[Block], kind: str) -> Iterator[Block]:
    """Paste the blocks of one kind on their hosts, in their order, and yield each. Raises Failed."""
    for block in found:
        if block.kind == kind:
            paste_on_host(block)
            yield block

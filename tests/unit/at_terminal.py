"""A command in a terminal of 80 columns and 24 rows, and what a person types there."""

from __future__ import annotations

import os
import pty
import select
import sys
import termios
import time
from contextlib import suppress


class AtTerminal:
    """The installed command in a fresh process, with a terminal of its own."""

    def __init__(self, *argv: str) -> None:
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.environ["TERM"] = "xterm"
            code = "import sys; from stopgap.orchestrator.cli import main; sys.exit(main(sys.argv[1:]))"
            os.execv(sys.executable, [sys.executable, "-c", code, *argv])
        termios.tcsetwinsize(self.terminal, (24, 80))
        self.shown = b""

    def until(self, word: str) -> str:
        """Read until this is shown, after what was read before; give what was read."""
        read = b""
        end = time.monotonic() + 180
        with suppress(OSError):
            while word.encode() not in read and time.monotonic() < end:
                if select.select([self.terminal], [], [], 1)[0]:
                    piece = os.read(self.terminal, 4096)
                    if not piece:
                        break
                    read += piece
        self.shown += read
        assert word.encode() in read, self.shown.decode(errors="replace")
        return read.decode()

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def end(self) -> int:
        """Read to the end; give the exit status."""
        with suppress(OSError):
            while piece := os.read(self.terminal, 4096):
                self.shown += piece
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

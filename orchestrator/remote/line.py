"""The interface of a line: the two-way connection to a shell, over any transport."""

from __future__ import annotations

from typing import Protocol


class LineBrokenError(Exception):
    """The line to the shell is broken; the message is for the operator."""


class Line(Protocol):
    """A shell's standard input, output and error. `receive` raises LineBrokenError; `send` never does."""

    def send(self, data: memoryview) -> int:
        """Send as many bytes as possible without waiting; return the number of sent bytes."""

    def receive(self, timeout: float, *, sending: bool) -> tuple[bytes, bytes]:
        """Return received bytes of output and error; without bytes, wait for either stream.

        While `sending`, send space ends the wait too.
        """

    def at_end(self) -> bool:
        """True after the end of both streams."""

    def close(self) -> None:
        """Close the line."""

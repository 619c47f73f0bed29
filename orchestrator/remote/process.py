"""A line to a process on the controller: a shell, or ssh(1) with a shell behind it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import HasFileno

_PORTION = 64 << 10


class ProcessLine:
    """The pipes of a process in a POSIX session of its own."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the process; raises OSError."""
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,
        )
        self._stdin, self._stdout, self._stderr = (
            _unblocked(pipe) for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        self._arrivals = selectors.DefaultSelector()
        for pipe in (self._stdout, self._stderr):
            self._arrivals.register(pipe, selectors.EVENT_READ)

    def send(self, data: memoryview) -> int:
        """Send bytes into the pipe; after the shell stops reading, discard all bytes until the shell's end."""
        try:
            return os.write(self._stdin.fileno(), data)
        except BlockingIOError:
            return 0
        except (OSError, ValueError):
            return len(data)

    def receive(self, timeout: float, *, sending: bool) -> tuple[bytes, bytes]:
        """Return received bytes of output and error; without bytes, wait for either pipe, or for room to send."""
        if sending:
            self._arrivals.register(self._stdin, selectors.EVENT_WRITE)
        try:
            ready = {key.fileobj for key, _ in self._arrivals.select(timeout)}
        finally:
            if sending:
                self._arrivals.unregister(self._stdin)
        return self._read(self._stdout, ready), self._read(self._stderr, ready)

    def _read(self, pipe: IO[bytes], ready: set[int | HasFileno]) -> bytes:
        if pipe not in ready:
            return b""
        data = os.read(pipe.fileno(), _PORTION)
        if not data:
            self._arrivals.unregister(pipe)
        return data

    def at_end(self) -> bool:
        """True after the end of both pipes."""
        return not self._arrivals.get_map()

    def kill(self) -> None:
        """Kill the process and its children."""
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Give the shell a moment to exit by itself, as usual after the last frame."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._arrivals.close()
        self._stdout.close()
        self._stderr.close()


def _unblocked(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101
    os.set_blocking(pipe.fileno(), False)
    return pipe

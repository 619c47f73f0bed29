"""Channels of an SSH connection: one opened ahead, and the line that an exchange has over one."""

from __future__ import annotations

import contextlib
import threading
import time

from paramiko import Channel, ChannelException, SSHException

from stopgap.orchestrator.remote.guard import Guard
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.line import LineBrokenError
from stopgap.orchestrator.remote.transport import Arrival, HardenedTransport, Opening, request_exec
from stopgap.orchestrator.remote.window import Window
from stopgap.orchestrator.text import tr

_PORTION = 64 << 10
_WINDOW_POLL = 0.005
_SESSION_ENDS, _SESSION_POLL = 2.0, 0.05
"""Seconds granted to the end of the session before, and between two attempts."""


class ChannelAhead:
    """A channel asked for before it is needed, to save its round trip; on demand with the command begun on it.

    A server accepts input of a channel only once the command runs, which is one round trip more (RFC 4254, 5.2).
    """

    def __init__(self, transport: HardenedTransport, limits: Limits, *, later: bool = False) -> None:
        """Ask for the channel; with `later` once it is taken."""
        self._transport = transport
        self._limits = limits
        self._channel: Channel | None = None
        self._failure: Exception | None = None
        self._opening: Opening | None = None
        self._begun = ""
        self._beginner: threading.Thread | None = None
        self._settling = threading.Lock()
        if later:
            return
        try:
            self._opening = transport.begin_session()
        except (SSHException, EOFError, OSError) as error:
            self._failure = error

    def begin(self, command: str) -> None:
        """Begin the command on the channel once it is open, without waiting for either."""
        self._beginner = threading.Thread(target=self._begin, args=(command,), name="shell ahead", daemon=True)
        self._beginner.start()

    def take(self, command: str) -> Channel:
        """Return the channel with the command begun on it; raises paramiko's exceptions."""
        channel = self._opened()
        if channel is not self._channel or self._begun != command:
            request_exec(channel, command)
        return channel

    def _opened(self) -> Channel:
        """Return the channel, open.

        A server with one session at a time (MaxSessions 1) refuses until the end of the session before: retried.
        """
        self._join()
        if self._channel is not None and not self._channel.closed:
            return self._channel
        if self._failure is not None and not isinstance(self._failure, ChannelException):
            raise self._failure
        end = time.monotonic() + min(_SESSION_ENDS, self._limits.start)
        while True:
            try:
                return self._transport.open_session(timeout=self._limits.start)
            except ChannelException:
                if time.monotonic() > end:
                    raise
                time.sleep(_SESSION_POLL)

    @property
    def is_open(self) -> bool:
        """True if the server has opened the channel; waits for its answer."""
        self._join()
        return self._channel is not None

    def forget(self) -> None:
        """Hold nothing of a closed connection."""
        self._channel, self._failure = None, SSHException(tr("the connection is closed"))
        del self._transport

    def close(self) -> None:
        """Close the channel if nobody took it, without waiting for the host."""
        threading.Thread(target=self._close, name="channel ahead", daemon=True).start()

    def _close(self) -> None:
        if self.is_open and self._channel is not None and not self._channel.closed:
            with contextlib.suppress(SSHException, EOFError, OSError):
                self._channel.close()

    def _join(self) -> None:
        if self._beginner is not None:
            self._beginner.join()
        self._settle()

    def _begin(self, command: str) -> None:
        self._settle()
        if self._channel is not None and not self._channel.closed:
            with contextlib.suppress(SSHException, EOFError, OSError):
                request_exec(self._channel, command)
                self._begun = command

    def _settle(self) -> None:
        """Wait for the server's answer."""
        with self._settling:
            opening, self._opening = self._opening, None
            if opening is None:
                return
            try:
                self._channel = self._transport.session(opening, self._limits.start)
            except (SSHException, EOFError, OSError) as error:
                self._failure = error
            else:
                self._transport.round_trip = min(opening.took, self._transport.round_trip or opening.took)


class ChannelLine:
    def __init__(self, channel: Channel, guard: Guard, round_trip: float, limits: Limits) -> None:
        self._channel = channel
        self._guard = guard
        self._window = Window(channel, round_trip, limits, time.monotonic())
        self._arrival = Arrival(channel)
        self._stopped = False

    def send(self, data: memoryview) -> int:
        channel = self._channel
        if channel.closed or channel.eof_sent:
            return len(data)
        if not channel.send_ready():
            return 0
        try:
            return int(channel.send(bytes(data)))
        except (SSHException, EOFError, OSError):
            return len(data)

    def receive(self, timeout: float, *, sending: bool) -> tuple[bytes, bytes]:
        self._arrival.forget()
        if not self._ready() and not self._over():
            self._window.waited()
            self._arrival.wait(min(timeout, _WINDOW_POLL) if sending else timeout)
        channel = self._channel
        try:
            stdout = channel.recv(_PORTION) if channel.recv_ready() else b""
            stderr = channel.recv_stderr(_PORTION) if channel.recv_stderr_ready() else b""
            self._window.taken(len(stdout) + len(stderr), time.monotonic())
        except (SSHException, EOFError, OSError) as error:
            raise LineBrokenError(str(error) or "closed") from None
        return stdout, stderr

    def at_end(self) -> bool:
        return self._stopped or (self._over() and not self._ready())

    def stop(self) -> None:
        """End a running exchange, without a word to the host; callable from any thread."""
        self._stopped = True
        self._arrival.set()

    def close(self) -> None:
        """Close the channel, not the connection, unless the host does not even take that."""
        try:
            self._channel.close()
        except (SSHException, EOFError, OSError):
            return
        finally:
            self._window.close()
            self._guard.cancel()

    def _ready(self) -> bool:
        return bool(self._channel.recv_ready() or self._channel.recv_stderr_ready())

    def _over(self) -> bool:
        return bool(self._stopped or self._channel.closed or self._channel.eof_received)

"""The process of ssh(1) that holds the connection; exchanges go over its control socket (ssh(1), -M and -S)."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from stopgap.orchestrator.remote.allowance import Allowance
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.openssh.configuration import Configuration, environment
from stopgap.orchestrator.wire.deadline import Deadline

_PORTION = 32 << 10
_LONGEST_FOLDER = 60
"""Bytes of the temporary folder's name: the path of a Unix socket has 108, of which ssh(1) takes a part."""


_MEMORY = 512 << 20
"""Most bytes of ssh(1)'s address space: a server may send what grows when it is unpacked."""


class MasterEndedError(Exception):
    """ssh(1) ended before a session was there; `said` is its standard error."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(said)


class Master:
    """A running ssh(1), from the first packet on; `close` ends the process, its proxies, and its folder."""

    def __init__(self, configuration: Configuration, limits: Limits) -> None:
        """Start ssh(1); raises OSError without an ssh(1) on this machine."""
        self._folder = _private_folder()
        self._destination = configuration.destination
        self._config, self._socket = self._folder / "config", self._folder / "s"
        self._limits = limits
        self._said = bytearray()
        try:
            self._config.write_text(configuration.text)
            self._process = subprocess.Popen(
                [*self._words, "-M", "-N", "-o", "ControlMaster=yes", self._destination],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment(),
                start_new_session=True,
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        with contextlib.suppress(OSError):  # it has ended already
            resource.prlimit(self._process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        self._listener = threading.Thread(target=self._listen, name="ssh", daemon=True)
        self._listener.start()

    @property
    def _words(self) -> tuple[str, ...]:
        return ("ssh", "-F", str(self._config), "-S", str(self._socket), "-T", "-e", "none")

    @property
    def said(self) -> str:
        """Return the standard error so far, at most `limits.noise` bytes."""
        return bytes(self._said).decode("utf-8", "replace")

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def exchange_words(self, command: str) -> tuple[str, ...]:
        """Return the words that start a command on the host, over this connection and no other.

        Without a control socket ssh(1) would connect afresh; the proxy command `false` prevents a new connection.
        """
        return (*self._words, "-q", "-o", "ControlMaster=no", "-o", "ProxyJump=none", "-o", "ProxyCommand=false",
                self._destination, command)  # fmt: skip

    def wait(self, deadline: Deadline) -> None:
        """Wait until the login is done. Raises MasterEndedError, TimeoutError, CancelledError."""
        while not self._socket.exists():
            if not self.alive:
                self._listener.join(1)
                raise MasterEndedError(self.said)
            deadline.sleep(0.005)

    def close(self) -> None:
        """End ssh(1) with its proxies, and remove the folder."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        if self._listener is not threading.current_thread():
            self._listener.join(1)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listen(self) -> None:
        """Take what ssh(1) says: the beginning is kept, and a flood ends the connection."""
        assert self._process.stderr is not None  # noqa: S101
        allowance = Allowance(self._limits)
        with self._process.stderr as pipe, selectors.DefaultSelector() as arrivals:
            arrivals.register(pipe, selectors.EVENT_READ)
            while portion := os.read(pipe.fileno(), _PORTION):
                self._said += portion[: max(0, self._limits.noise - len(self._said))]
                if not allowance.spend(len(portion)):
                    self._said += b"\na flood of messages\n"
                    with contextlib.suppress(OSError):
                        os.killpg(self._process.pid, signal.SIGKILL)
                    return


def _private_folder() -> Path:
    """Make a folder of this account alone, with a name short enough for a Unix socket below."""
    where = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="stopgap-ssh-", dir=where if len(where) < _LONGEST_FOLDER else "/tmp"))  # noqa: S108

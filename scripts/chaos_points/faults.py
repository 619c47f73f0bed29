"""One fault at one boundary of a process that is `stopgap`. It patches that process alone; the program knows nothing.

A boundary is an instant before or after something becomes durable or visible: a commit of the journal, an fsync, a
rename, a script sent to a host, its first answer, its end. The log names each that was reached, a line each.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stopgap.orchestrator.journal.store import Journal
from stopgap.orchestrator.remote.exchange import FramedSession
from stopgap.orchestrator.remote.gather import Gathering
from stopgap.orchestrator.remote.ssh import SshSession

SIGNALS = {
    "kill": signal.SIGKILL,
    "twice": signal.SIGKILL,
    "term": signal.SIGTERM,
    "int": signal.SIGINT,
    "hup": signal.SIGHUP,
}


_KEPT = re.compile(r"\.?((?:report|incident)\.html|findings\.json|journal\.jsonl|manifest\.json)(?:\.\w+)?")
"""Files that a run keeps for people, by their own names and by those that they have while they are written."""


class Faults:
    """Counts boundaries, and strikes at one of them."""

    def __init__(self, at: int, do: str, log: Path, command: Sequence[str] = ()) -> None:
        """`command` is what is done where `do` is none of the faults that are known here."""
        self._at, self._do, self._command = at, do, command
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._count = 0
        self.sessions: weakref.WeakSet[Any] = weakref.WeakSet()
        self.shift = timedelta()

    def reach(self, name: str) -> None:
        """Note a boundary; strike if it is the one."""
        with self._lock:
            os.write(self._log, f"{name}\n".encode())
            count, self._count = self._count, self._count + 1
        if count == self._at:
            self._strike()

    def _strike(self) -> None:
        if self._do in SIGNALS:
            os.kill(os.getpid(), SIGNALS[self._do])
        elif self._do == "cut":
            for session in list(self.sessions):
                with suppress(OSError):
                    session._connection.transport.sock.shutdown(socket.SHUT_RDWR)
        elif self._do == "full":
            with suppress(OSError), (Path(os.environ["STOPGAP_HOME"]) / "filler").open("wb", 0) as filler:
                while True:
                    filler.write(bytes(4096))
        elif self._do in {"ahead", "back"}:
            self.shift = timedelta(days=400 if self._do == "ahead" else -400)
        elif self._command:
            subprocess.run(self._command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)


def install(faults: Faults) -> None:
    """Put boundaries around everything that becomes durable or visible."""
    os.fsync = _context(faults, "fsync", os.fsync, lambda descriptor: _file(f"/proc/self/fd/{int(descriptor)}"))
    os.replace = _context(faults, "rename", os.replace, lambda _, target: _file(target))

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *rest: Any) -> sqlite3.Cursor:
            if statement not in {"BEGIN IMMEDIATE", "COMMIT"}:
                return super().execute(statement, *rest)
            faults.reach(f"before {statement}")
            try:
                return super().execute(statement, *rest)
            finally:
                faults.reach(f"after {statement}")

    connect = sqlite3.connect
    sqlite3.connect = lambda *words, **rest: connect(*words, factory=Connection, **rest)

    def now() -> datetime:
        return datetime.now(UTC) + faults.shift

    for function in (Journal.open.__func__, Journal.open_to_read.__func__, Journal.open_copy.__func__):
        function.__kwdefaults__["clock"] = now
    FramedSession.make = _context(faults, "exchange", FramedSession.make)
    began = SshSession.__init__

    def begin(session: Any, *words: Any, **rest: Any) -> None:
        began(session, *words, **rest)
        faults.sessions.add(session)

    SshSession.__init__ = begin
    sent, feed = Gathering.sent, Gathering.feed

    def send(gathering: Any, moment: float) -> None:
        sent(gathering, moment)
        faults.reach("script sent")

    def take(gathering: Any, *words: Any) -> Any:
        before = gathering.begun
        try:
            return feed(gathering, *words)
        finally:
            if gathering.begun and not before:
                faults.reach("first answer")

    Gathering.sent, Gathering.feed = send, take


def _context(
    faults: Faults, name: str, call: Callable[..., Any], of: Callable[..., str] = lambda *_: ""
) -> Callable[..., Any]:
    """Put boundaries around a call; `of` gives what it is done to, from its arguments."""

    def wrapped(*words: Any, **rest: Any) -> Any:
        what = f"{name} {of(*words)}".rstrip()
        faults.reach(f"before {what}")
        try:
            return call(*words, **rest)
        finally:
            faults.reach(f"after {what}")

    return wrapped


def _file(path: str | os.PathLike[str]) -> str:
    """Name a file that is kept, also while it has its temporary name; nothing for any other."""
    name = os.path.basename(os.path.realpath(path))  # noqa: PTH119 - pathlib calls what is patched here
    kept = _KEPT.fullmatch(name)
    return kept[1] if kept else ""

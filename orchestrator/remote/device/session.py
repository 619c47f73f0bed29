"""Exchanges with a network device: each item is a dialogue, not a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import assert_never

from stopgap.orchestrator.device_script import Alter, Look, Origin, from_text
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote.device.alteration import alter
from stopgap.orchestrator.remote.device.terminal import Terminal
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.session import Item, Session, Sink, one_by_one
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline

LogIn = Callable[[Deadline], Terminal]


class DeviceSession:
    """A login on a network device; a `Session`. A shell script gets the status `None` and is never sent."""

    def __init__(self, host: Host, limits: Limits, terminal: Terminal, log_in: LogIn) -> None:
        """Create the session; `terminal` is logged in, `log_in` opens a second login or raises Unreachable."""
        self.host = host
        self._limits = limits
        self._log_in = log_in
        self._terminal = terminal
        self.fingerprint: str | None = self._terminal.connection.fingerprint
        self._turn = threading.Lock()
        self._trouble: str | None = None
        self._closed = threading.Event()

    @property
    def alive(self) -> bool:
        """True while the login is open and in step with the device."""
        return not self._closed.is_set() and bool(self._terminal.connection.is_connected)

    no_shell: str | None = None

    @property
    def trouble(self) -> str | None:
        """The reason for unknown items of the last exchange."""
        return self._trouble

    def exchange(
        self,
        items: Sequence[Item],
        *,
        stop_on_failure: bool = False,
        deadline: float | None = None,
        sink: Sink | None = None,
    ) -> list[Output]:
        """Run the dialogues in order; see `Session.exchange`."""
        with self._turn:
            self._trouble = None
            whole = Deadline(min(self._limits.exchange, deadline or self._limits.exchange), self._closed)
            return one_by_one(items, lambda item: self._have(item, whole), stop_on_failure=stop_on_failure, sink=sink)

    def enough(self) -> None:
        """Do nothing: no dialogue with a device is open-ended."""

    def beside(self) -> Session | None:
        """Return no session for reads beside this one."""
        return None

    def halt(self) -> None:
        """Do nothing: no exchange with a device has a pause."""

    def close(self) -> None:
        """Close the login; a running exchange returns at once."""
        self._closed.set()
        self._terminal.close()

    def _have(self, item: Item, whole: Deadline) -> Output:
        dialogue = from_text(item.script)
        if dialogue is None:
            self._trouble = tr("it is a network device, and has no shell to run that in")
            return _nothing()
        if not self.alive:
            self._trouble = self._trouble or tr("the connection is closed")
            return _nothing()
        deadline = Deadline(min(item.deadline, whole.left()), self._closed)
        try:
            match dialogue:
                case Origin():
                    return _said(self._terminal.local_address)
                case Look(commands=commands):
                    answers = json.dumps(self._terminal.show(commands, deadline))
                    return _said(answers, truncated=len(answers) > item.cap)
                case Alter():
                    made = alter(dialogue, self._terminal, self._log_in, self.host, deadline)
                    return Output(HostText(b""), HostText(made.reason.encode("utf-8", "replace")), made.status)
                case _:
                    assert_never(dialogue)
        except CancelledError:
            reason = "interrupted"
        except OSError as error:
            reason = str(error) or type(error).__name__
        self._trouble = reason
        self.close()
        return _nothing()


def _said(text: str, *, truncated: bool = False) -> Output:
    return Output(HostText(text.encode("utf-8", "surrogateescape")), HostText(b""), 0, truncated=truncated)


def _nothing() -> Output:
    return Output(HostText(b""), HostText(b""), None)

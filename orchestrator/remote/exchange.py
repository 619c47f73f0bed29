"""One exchange over any two-way line to a host's shell: the script is sent while outputs are received."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.log import Log
from stopgap.orchestrator.remote.become import Password, as_root
from stopgap.orchestrator.remote.flag import Flag
from stopgap.orchestrator.remote.framing import draw_nonce
from stopgap.orchestrator.remote.gather import Gathering
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.line import Line, LineBrokenError
from stopgap.orchestrator.remote.no_shell import no_shell
from stopgap.orchestrator.remote.script import SHELL, exchange_script
from stopgap.orchestrator.remote.session import Item, Session, Sink
from stopgap.orchestrator.text import tr

_PORTION = 32 << 10
_BROKE = tr("the connection broke")
_HALT_POLL = 0.2
"""Seconds within which an order to halt is sent."""

_LOG = Log("stopgap.orchestrator.remote")


@dataclass(frozen=True)
class Exchanged:
    """The result of an exchange."""

    outputs: list[Output]
    trouble: str | None = None
    """Why items are unknown."""
    in_step: bool = True
    """The host followed the framing to the end, so that a further exchange is possible."""
    begun: bool = True
    """The host's shell took the script."""
    refused: bool = False
    """The host was reached, and no shell of the host took the script."""
    words: HostText = field(default_factory=lambda: HostText(b""))
    """The host's output outside the items."""


def run_exchange(
    line: Line,
    items: Sequence[Item],
    *,
    stop_on_failure: bool,
    deadline: float,
    limits: Limits,
    sink: Sink | None,
    halted: Flag,
    enough: Flag,
    by_sudo: Sequence[str] = (),
) -> Exchanged:
    """Make one exchange, within `deadline` seconds and the deadlines of the items; a sink's exception propagates.

    After `halted` is set, no item begins from the next pause on; `enough` ends an open-ended item. `by_sudo`:
    programs that an account other than root runs by sudo(8).
    """
    nonce = draw_nonce()
    script = exchange_script(items, nonce, stop_on_failure=stop_on_failure, total=deadline, by_sudo=by_sudo)
    now = time.monotonic()
    end = now + deadline
    gathering = Gathering(items, nonce.encode(), stop_on_failure=stop_on_failure, limits=limits, sink=sink, now=now)
    trouble = _converse(line, script, gathering, end, halted, enough)
    outputs = gathering.outputs()
    late = sum(1 for output in outputs if output.status is None and output.ran)
    if trouble is None and late:
        trouble = tr("{late} of {count} items did not end within their deadlines", late=late, count=len(items))
        return Exchanged(outputs, trouble, words=gathering.words)
    refused = trouble is not None and not gathering.begun and not trouble.startswith(_BROKE)
    return Exchanged(outputs, trouble, trouble is None, gathering.begun, refused, gathering.words)


def _converse(
    line: Line,
    script: bytes,
    gathering: Gathering,
    end: float,
    halted: Flag,
    enough: Flag,
) -> str | None:
    """Send and receive to the end, or to a reason to stop; return the reason."""
    outgoing = memoryview(script)
    script_sent = False
    try:
        while not gathering.complete:
            if outgoing:
                outgoing = outgoing[line.send(outgoing[:_PORTION]) :]
                if not outgoing and not script_sent:
                    script_sent = True
                    gathering.sent(time.monotonic())
            now = time.monotonic()
            due = min(end, gathering.due) if script_sent else end
            if now >= due:
                return _silence(gathering, over=due == end)
            until = min(end, gathering.next_moment()) if script_sent else end
            if gathering.may_halt:
                until = min(until, now + _HALT_POLL)
                if halted.is_set():
                    gathering.halt()
            if gathering.goes_on_until_told:
                until = min(until, now + _HALT_POLL)
                if enough.is_set():
                    gathering.tell()
            stdout, stderr = line.receive(max(0.0, until - now), sending=bool(outgoing))
            now = time.monotonic()
            gathering.feed(stdout, stderr, now)
            if gathering.broken:
                joined = (
                    tr("; a login file that joins both streams does this")
                    if "out of order" in gathering.broken
                    else ""
                )
                return tr(
                    "the host's answer is not what the script would send: {broken}{joined}",
                    broken=gathering.broken,
                    joined=joined,
                )
            if script_sent and (order := gathering.orders(now)):
                outgoing = memoryview(bytes(outgoing) + order)
            if not stdout and not stderr and line.at_end() and not gathering.complete:
                return _lost(gathering)
    except LineBrokenError as error:
        return tr("{broke}: {error}", broke=_BROKE, error=f"{error!s}")
    return None


def _silence(gathering: Gathering, *, over: bool) -> str:
    if over:
        return tr("the deadline of the exchange passed")
    if not gathering.begun:
        return tr("the host took the script and stayed silent")
    return tr("the host fell silent")


def _lost(gathering: Gathering) -> str:
    if gathering.begun:
        return tr("the connection or the host's shell ended in the middle")
    words = gathering.words.last_line()
    return tr("no POSIX shell answered: {words}", words=words) if words else tr("no POSIX shell answered")


class FramedSession(ABC):
    """The common part of the sessions: one exchange at a time, and no exchange after a loss of framing."""

    def __init__(self, host: Host, limits: Limits, shell: Sequence[str] = SHELL) -> None:
        self.host = host
        self._shell = shell
        self.fingerprint: str | None = None
        self._limits = limits
        self._turn = threading.Lock()
        self._trouble: str | None = None
        self._no_shell: str | None = None
        self._script_taken = False
        self._closed = Flag()
        self._halted = Flag()
        self._enough = Flag()

    @property
    def alive(self) -> bool:
        """True if a further exchange is possible."""
        return not self._closed.is_set()

    @property
    def trouble(self) -> str | None:
        """The reason for unknown items of the last exchange."""
        return self._trouble

    @property
    def no_shell(self) -> str | None:
        """The reason, if the host's shell did not take the first script of the session; nothing began there."""
        return self._no_shell

    def exchange(
        self,
        items: Sequence[Item],
        *,
        stop_on_failure: bool = False,
        deadline: float | None = None,
        sink: Sink | None = None,
    ) -> list[Output]:
        """Run the items; see `Session.exchange`."""
        return self.make(items, stop_on_failure=stop_on_failure, deadline=deadline, sink=sink).outputs

    def make(
        self,
        items: Sequence[Item],
        *,
        stop_on_failure: bool = False,
        deadline: float | None = None,
        sink: Sink | None = None,
    ) -> Exchanged:
        """Run the items and return the full result of the exchange."""
        if not items:
            return Exchanged([])
        limits = self._limits
        if deadline is None:
            together = sum(item.deadline + limits.grace for item in items) + limits.start + limits.killing
            deadline = min(limits.exchange, together)
        log, begun = _LOG.at(self.host.name), time.monotonic()
        with self._turn:
            log.debug("%d scripts, %d bytes, within %.0f s", len(items), sum(len(i.script) for i in items), deadline)
            made = self._attempt(items, stop_on_failure, deadline, sink)
            took = time.monotonic() - begun
            log.debug(
                "%d of %d answered after %.3f s", sum(o.status is not None for o in made.outputs), len(items), took
            )
            if made.trouble:
                log.warning("the exchange broke off after %.3f s: %s", took, made.trouble)
            self._trouble = made.trouble
            self._script_taken = self._script_taken or made.begun
            if not self._script_taken and made.refused:
                self._no_shell = no_shell(self.host, made.trouble or "", made.words.last_line())
            return made

    def _attempt(self, items: Sequence[Item], stop_on_failure: bool, deadline: float, sink: Sink | None) -> Exchanged:
        if not self.alive:
            return unknown(items, self._trouble or tr("the connection is closed"), sink)
        try:
            line = self._root_line(deadline)
        except LineBrokenError as error:
            self.close()
            return unknown(items, str(error), sink)
        in_step = False
        self._enough.clear()
        try:
            made = run_exchange(
                line,
                items,
                stop_on_failure=stop_on_failure,
                deadline=deadline,
                limits=self._limits,
                sink=sink,
                halted=self._halted,
                enough=self._enough,
                by_sudo=self.host.sudo_for,
            )
            in_step = made.in_step
        finally:
            # The connection is closed first, so that closing the line does not wait for a lost host.
            if not in_step:
                self.close()
            line.close()
        return made

    def _root_line(self, deadline: float) -> Line:
        """Start the shell of an exchange, as root where the inventory says so; raises LineBrokenError."""
        host = self.host
        if host.become is None or host.become_password is None:
            return self._open_line(as_root(host, self._shell), deadline)
        password = Password(host, host.become_password)
        line = self._open_line(password.words(self._shell), deadline)
        try:
            password.become(line, min(deadline, self._limits.start))
        except BaseException:
            line.close()
            raise
        return line

    @abstractmethod
    def _open_line(self, words: Sequence[str], deadline: float) -> Line:
        """Start a command with a lifetime of at most `deadline` seconds; raises LineBrokenError."""

    def beside(self) -> Session | None:
        """Return no session for reads beside this one: one exchange at a time; see `Session.beside`."""
        return None

    def enough(self) -> None:
        """End the current item, if the item is open-ended."""
        self._enough.set()

    def halt(self) -> None:
        """Begin no further item from the next pause on, in this exchange or a later exchange."""
        self._halted.set()

    def close(self) -> None:
        """Close the connection; a running exchange returns at once."""
        self._closed.set()


def unknown(items: Sequence[Item], reason: str, sink: Sink | None) -> Exchanged:
    """Return unknown outputs, for items never sent."""
    output = Output(HostText(b""), HostText(b""), None)
    if sink is not None:
        for index in range(len(items)):
            sink.ended(index, output)
    return Exchanged([output] * len(items), reason, in_step=False, begun=False)

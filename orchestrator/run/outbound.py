"""Outbound test: hosts outside listen, the target sends; one exchange at each listener and one at the target.

Several targets of a run are heard side by side at one listener, each over a channel or a connection of its own.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

from stopgap.orchestrator.check import Outbound
from stopgap.orchestrator.facts import (
    Interfaces,
    Listen,
    ListeningFact,
    Output,
    PacketKind,
    Send,
    UnreadableError,
)
from stopgap.orchestrator.host import Address, Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.plan import OutOfReach
from stopgap.orchestrator.remote import Item, Session
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.text import tr

BEGUN = 8.0
"""Seconds for hosts to start listening; slower hosts are left out."""
ON_THE_WAY = 0.4
"""Seconds for the arrival of a packet after the last packet of the target."""
AT_ONCE = 8
"""Most targets heard at one listener at once: sshd(8) admits ten channels of a connection (`MaxSessions`), one of
which runs what else is asked there and one waits open, and some ten logins at a time (`MaxStartups`)."""
TOWARDS = 3
"""Most destination addresses of one host, of each IP version."""
_LISTENING, _OWN = 1, 0
_UNROUTED = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
"""Private networks (RFC 1918, RFC 4193): allowed on an interface though missing from the inventory."""


class Turns:
    """The listeners of a run that are in use: each target listens on a channel beside the host's session.

    If the server refuses a further channel, the first target takes the session, and other targets log in.
    """

    def __init__(self) -> None:
        """Begin with no listener in use."""
        self._places: Mapping[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(AT_ONCE))
        self._pooled: Mapping[str, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()

    @contextmanager
    def at(self, names: Iterable[str]) -> Iterator[None]:
        """Wait for a place at each of these listeners, and keep the places for the length of the block."""
        with self._guard:
            places = [self._places[name] for name in sorted(set(names))]  # in order: nobody waits in a circle
        with ExitStack() as kept:
            for place in places:
                kept.enter_context(place)
            yield

    @contextmanager
    def session(self, host: Host, pool: ConnectionPool) -> Iterator[Session]:
        """Give a session of the listener that no other target has meanwhile. Raises OutOfReach."""
        if (beside := pool.session(host).beside()) is not None:
            with closing(beside):
                yield beside
            return
        with self._guard:
            pooled = self._pooled[host.name]
        if pooled.acquire(blocking=False):
            try:
                yield pool.session(host)
            finally:
                pooled.release()
        else:
            with pool.fresh(host) as session:
                yield session


@dataclass
class _Ear:
    """One listening host with the output so far: a sink for the exchange."""

    vantage: Host
    check: Outbound
    listen: Listen
    settled: threading.Event = field(default_factory=threading.Event)
    own: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)
    output: Output | None = None
    trouble: str = ""
    session: Session | None = None
    """What it listens over."""

    def data(self, index: int, chunk: bytes) -> None:
        """Take a chunk and detect the start of listening."""
        (self.heard if index == _LISTENING else self.own).extend(chunk)
        if self.listening:
            self.settled.set()

    def ended(self, index: int, output: Output) -> None:
        """Take the end of an item."""
        if index == _LISTENING:
            self.output = output
            self.settled.set()

    @property
    def listening(self) -> bool:
        """True once the host listens, and afterwards."""
        return Listen.ready(bytes(self.heard))

    def fact(self) -> ListeningFact:
        """Return the listening sockets and the arrived packets; raises UnreadableError."""
        status = self.output.status if self.output else None
        if status is None and not self.listening:
            raise UnreadableError(self.trouble or tr("{vantage} did not answer in time", vantage=self.vantage.name))
        stderr = self.output.stderr if self.output else HostText(b"")
        return self.listen.parse(Output(HostText(bytes(self.heard)), stderr, status))

    def sockets(self) -> Iterable[tuple[PacketKind, Address, int]]:
        """Return the destinations: each port at each address of the same IP version."""
        for kind, port in self.fact().ports.items():
            version = 4 if kind.endswith("4") else 6
            for address in [a for a in self._addresses() if a.version == version][:TOWARDS]:
                yield kind, address, port

    def _addresses(self) -> list[Address]:
        """Return the addresses of the inventory, then the routed addresses of the host's interfaces."""
        try:
            found = Interfaces().parse(Output(HostText(bytes(self.own)), HostText(b""), 0))
        except UnreadableError:
            found = ()
        routed = [i.address.ip for i in found if _routed(i.address.ip)]
        return list(dict.fromkeys([*self.vantage.known_addresses, *routed]))


Found = Mapping[tuple[Outbound, str], ListeningFact | OutOfReach | UnreadableError]
"""Check and vantage → the arrivals, or the reason for a missing result."""


def have_sent(
    looks: Sequence[tuple[Outbound, Host]], sender: Host, pool: ConnectionPool, turns: Turns | None = None
) -> Found:
    """Start all listeners, have the sender send to every listener, return the packets received by each listener.

    `turns` are those of the run, for targets that are looked at meanwhile.

    A sender without an answer so far is skipped. Takes about two seconds; the upper bound is the deadlines of one
    exchange at a listener and one at the sender, against any behaviour of the hosts.
    """
    if not pool.answers(sender):
        silent = OutOfReach(tr("{sender} has not answered so far, and was not asked to send", sender=sender.name))
        return {(check, vantage.name): silent for check, vantage in looks}
    turns = turns or Turns()
    with turns.at(vantage.name for _, vantage in looks):
        return _heard(looks, sender, pool, turns)


def _heard(looks: Sequence[tuple[Outbound, Host]], sender: Host, pool: ConnectionPool, turns: Turns) -> Found:
    listen = looks[0][0].reader()
    ears = [_Ear(vantage, check, listen) for check, vantage in looks]
    with ThreadPoolExecutor(len(ears), "listen") as workers:
        workers.map(lambda ear: _listen(ear, pool, turns), ears)
        try:
            unsent = _send(ears, sender, pool)
        finally:
            for ear in ears:
                if ear.listening and ear.session is not None:
                    ear.session.enough()
    found: dict[tuple[Outbound, str], ListeningFact | OutOfReach | UnreadableError] = {}
    for ear in ears:
        try:
            fact = ear.fact()
            found[ear.check, ear.vantage.name] = unsent if unsent and not fact.arrivals else fact
        except UnreadableError as error:
            found[ear.check, ear.vantage.name] = error
    return found


def _listen(ear: _Ear, pool: ConnectionPool, turns: Turns) -> None:
    listening = Item(ear.listen.script(), ear.listen.deadline, ear.listen.cap, until_told=True)
    own = Interfaces()
    try:
        with turns.session(ear.vantage, pool) as session:
            ear.session = session
            outputs = session.exchange([Item(own.script(), own.deadline, own.cap), listening], sink=ear)
            ear.output = replace(outputs[_LISTENING], stdout=HostText(b""))
            ear.trouble = session.trouble or ""
    except OutOfReach as error:
        ear.trouble = str(error)
    finally:
        ear.settled.set()


def _send(ears: Sequence[_Ear], sender: Host, pool: ConnectionPool) -> UnreadableError | None:
    """Send to all listening hosts; return the reason if nothing was sent, else `None`."""
    end = time.monotonic() + BEGUN
    for ear in ears:
        ear.settled.wait(max(0.0, end - time.monotonic()))
    listening = [ear for ear in ears if ear.listening]
    sockets = tuple(socket for ear in listening for socket in ear.sockets())
    if not sockets:
        return UnreadableError(tr("no address of it is known to send to")) if listening else None
    send = Send(ears[0].listen.token, sockets)
    answer = pool.look([(sender, send)])[sender.name, send]
    time.sleep(ON_THE_WAY)
    if isinstance(answer, OutOfReach | UnreadableError):
        return UnreadableError(tr("{sender} could not be made to send: {answer}", sender=sender.name, answer=answer))
    return None


def _routed(address: Address) -> bool:
    private = any(address.version == n.version and address in n for n in _UNROUTED)
    return not (private or address.is_loopback or address.is_link_local or address.is_multicast)

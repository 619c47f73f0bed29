"""The traffic of one host in a capture: flows, contacts, names. Bounded in memory, and linear in time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from stopgap.orchestrator.evidence.capture import Packet
from stopgap.orchestrator.findings.packets.frames import ACK, ICMP, ICMP6, RST, SYN, TCP, UDP, Frame, frame_of
from stopgap.orchestrator.findings.packets.names import PORTS, Domain, domain_of, question_of

MOST_FLOWS = 200_000
MOST_CONTACTS = 100_000
MOST_DOMAINS = 20_000
MOST_TIMES = 2000
"""Times kept of one flow or contact, from the first on."""
_ALL_TIMES = 2_000_000
_ECHOES = {(ICMP, 8), (ICMP6, 128)}
_MULTICAST_V6, _BROADCAST = 0xFF, b"\xff\xff\xff\xff"


class FlowKey(NamedTuple):
    """The ends of a flow, as seen from the host."""

    protocol: int
    local: bytes
    local_port: int
    remote: bytes
    remote_port: int


@dataclass(slots=True)
class Flow:
    """Packets between the same two ends."""

    first: float
    last: float = 0.0
    first_out: float = 0.0
    """Of the host's own packets; 0 without any."""
    last_out: float = 0.0
    packets_out: int = 0
    packets_in: int = 0
    bytes_out: int = 0
    """Payload."""
    bytes_in: int = 0
    opened: str = ""
    """`out`: the host opened the flow; `in`: the other end did; empty where the beginning is not in the capture."""
    answered: bool = False
    """The other end of the opening answered, and did not refuse."""
    refused: bool = False
    sent: list[float] = field(default_factory=list)
    """Times of the host's packets with payload."""


@dataclass(slots=True)
class Contact:
    """All flows that the host opened to one port of one address."""

    flows: int = 0
    answered: int = 0
    refused: int = 0
    packets: int = 0
    first: float = 0.0
    last: float = 0.0
    opened: list[float] = field(default_factory=list)
    """Times of the openings."""


class ContactKey(NamedTuple):
    """What the host reached out to."""

    protocol: int
    remote: bytes
    remote_port: int


@dataclass
class Traffic:
    """What a capture shows of the host with the addresses."""

    addresses: Collection[bytes]
    cards: Collection[bytes] = ()
    """Link-layer addresses of the host, where the capture is of its own port."""
    flows: dict[FlowKey, Flow] = field(default_factory=dict)
    contacts: dict[ContactKey, Contact] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    asked: dict[str, list[float]] = field(default_factory=dict)
    """Times of questions, by name."""
    foreign: dict[bytes, tuple[int, float]] = field(default_factory=dict)
    """Packets under addresses that are not the host's, from its card: how many, and the first time."""
    packets: int = 0
    first: float = 0.0
    last: float = 0.0
    left_out: set[str] = field(default_factory=set)
    """`flows`, `contacts`, `domains`, `times`: what a bound kept from being counted."""
    _times: int = 0

    def take_all(self, packets: Iterable[Packet], check: Callable[[int], None] = lambda _: None) -> None:
        """Count packets in order; `check` is told the bytes of each."""
        for packet in packets:
            check(len(packet.data) + 16)
            frame = frame_of(packet)
            if frame is not None:
                self.take(frame)

    def take(self, frame: Frame) -> None:
        """Count one packet; packets of other hosts are left out."""
        if frame.source in self.addresses:
            if frame.destination in self.addresses:
                return
            self._count(frame)
            self._out(frame)
        elif frame.destination in self.addresses:
            self._count(frame)
            self._in(frame)
        elif frame.card in self.cards and any(frame.source):
            self._count(frame)
            count, first = self.foreign.get(frame.source, (0, frame.time))
            if count or len(self.foreign) < MOST_CONTACTS:
                self.foreign[frame.source] = (count + 1, first)

    def _count(self, frame: Frame) -> None:
        self.first = min(self.first, frame.time) if self.packets else frame.time
        self.last = max(self.last, frame.time)
        self.packets += 1

    def _out(self, frame: Frame) -> None:
        key = FlowKey(frame.protocol, frame.source, frame.source_port, frame.destination, frame.destination_port)
        if frame.protocol in {ICMP, ICMP6}:
            if (frame.protocol, frame.source_port) not in _ECHOES:
                return
            key = key._replace(local_port=0, remote_port=0)
        flow = self._flow(key, frame, "out")
        if flow is None:
            return
        flow.last_out, flow.first_out = frame.time, flow.first_out or frame.time
        flow.packets_out += 1
        flow.bytes_out += frame.size
        if frame.protocol == TCP and flow.opened == "in":
            if frame.flags & RST:
                flow.refused = not flow.answered
            elif frame.flags & ACK:
                flow.answered = True
        elif frame.protocol == UDP and flow.opened == "in":
            flow.answered = True
        if frame.size or frame.protocol != TCP:
            self._keep(flow.sent, frame.time)
        if flow.opened == "out":
            self._contact(key, flow, frame)
        if frame.destination_port in PORTS and frame.size:
            self._ask(frame)

    def _in(self, frame: Frame) -> None:
        key = FlowKey(frame.protocol, frame.destination, frame.destination_port, frame.source, frame.source_port)
        if frame.protocol in {ICMP, ICMP6}:
            key = key._replace(local_port=0, remote_port=0)
            if key not in self.flows:
                return
        flow = self._flow(key, frame, "in")
        if flow is None:
            return
        flow.packets_in += 1
        flow.bytes_in += frame.size
        if flow.opened != "out" or flow.answered or flow.refused:
            return
        contact = self.contacts.get(ContactKey(key.protocol, key.remote, key.remote_port))
        if frame.protocol == TCP and frame.flags & RST:
            flow.refused = True
            if contact:
                contact.refused += 1
        else:
            flow.answered = True
            if contact:
                contact.answered += 1

    def _flow(self, key: FlowKey, frame: Frame, way: str) -> Flow | None:
        flow = self.flows.get(key)
        fresh = frame.protocol == TCP and frame.flags & (SYN | ACK) == SYN
        if flow is None:
            if len(self.flows) >= MOST_FLOWS:
                self.left_out.add("flows")
                if way == "out" and (fresh or frame.protocol != TCP):  # a scan fills the table, and counts on
                    self._contact(key, None, frame)
                return None
            flow = self.flows[key] = Flow(frame.time)
            if frame.protocol != TCP or fresh:
                flow.opened = way
            elif frame.flags & (SYN | ACK) == SYN | ACK:
                flow.opened = "in" if way == "out" else "out"
            if way == "out" and flow.opened == "out":
                self._open(key, frame)
        elif fresh and way == "out" and (flow.answered or flow.refused):  # the same port, for a connection anew
            flow.opened, flow.answered, flow.refused = "out", False, False
            self._open(key, frame)
        flow.last = frame.time
        return flow

    def _open(self, key: FlowKey, frame: Frame) -> None:
        contact = self._contact_of(key, frame)
        if contact is not None:
            contact.flows += 1
            self._keep(contact.opened, frame.time)

    def _contact(self, key: FlowKey, flow: Flow | None, frame: Frame) -> None:
        contact = self._contact_of(key, frame)
        if contact is None:
            return
        contact.packets += 1
        contact.last = frame.time
        if flow is None:
            contact.flows += 1

    def _contact_of(self, key: FlowKey, frame: Frame) -> Contact | None:
        place = ContactKey(key.protocol, key.remote, key.remote_port)
        contact = self.contacts.get(place)
        if contact is None:
            if len(self.contacts) >= MOST_CONTACTS:
                self.left_out.add("contacts")
                return None
            contact = self.contacts[place] = Contact(first=frame.time)
        return contact

    def _ask(self, frame: Frame) -> None:
        stream = frame.protocol == TCP
        if frame.protocol not in {TCP, UDP}:
            return
        question = question_of(frame.payload, stream=stream)
        if question is None:
            return
        name = domain_of(question.name)
        domain = self.domains.get(name)
        if domain is None:
            if len(self.domains) >= MOST_DOMAINS:
                self.left_out.add("domains")
                return
            domain = self.domains[name] = Domain(name)
        domain.take(question, frame.time)
        if question.name in self.asked or len(self.asked) < MOST_CONTACTS:
            self._keep(self.asked.setdefault(question.name, []), frame.time)

    def _keep(self, times: list[float], time: float) -> None:
        if len(times) >= MOST_TIMES or self._times >= _ALL_TIMES:
            self.left_out.add("times")
            return
        self._times += 1
        times.append(time)


def is_group(address: bytes) -> bool:
    """Return True for a multicast or broadcast address."""
    if len(address) == 16:
        return address[0] == _MULTICAST_V6
    return 224 <= address[0] < 240 or address == _BROADCAST

"""What the wire shows of a host, from a capture upstream, set against the host's own lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.packets.frames import ICMP, ICMP6, TCP, UDP
from stopgap.orchestrator.findings.packets.listed import Moment, listed, listener_listed, moments, plain
from stopgap.orchestrator.findings.packets.names import DNS
from stopgap.orchestrator.findings.packets.reached import victims
from stopgap.orchestrator.findings.packets.reading import PACKETS, SCOPE, traffic_of
from stopgap.orchestrator.findings.packets.rhythm import Rhythm, rhythm_of
from stopgap.orchestrator.findings.packets.traffic import ContactKey, Flow, FlowKey, is_group
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.moments import as_iso

_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp6"}
_READS = f"{PACKETS} {SCOPE}"
_LISTED = "where the host's own lists have it: `yes`, `kernel`, `tool`, `no`, or `unknown`"
_TIMES = {"since": "first seen, ISO 8601 in UTC", "until": "last seen"}
_FEWEST_OUT = 2
"""Packets of the host's own before a flow is set against lists."""


@table(
    "wire-flows",
    reads=_READS,
    fields=_TIMES
    | {
        "protocol": "`tcp`, `udp`, `icmp` …",
        "local": "address and port here",
        "address": "the other end",
        "port": "its port",
        "opened": "`out`, `in`, or empty where the beginning is not in the capture",
        "answered": "the other end of the opening answered",
        "sent": "packets of the host",
        "received": "packets to the host",
        "bytes_out": "payload sent",
        "bytes_in": "payload received",
        "listed": _LISTED,
    },
)
def wire_flows(collected: CollectionReader) -> Iterator[Row]:
    """Flows of the target on the wire, set against its own lists of sockets."""
    traffic, at, skew = traffic_of(collected), moments(collected.beside), _skew(collected)
    for key, flow in traffic.flows.items():
        if is_group(key.remote):
            continue
        row: Fields = {
            "protocol": _protocol(key.protocol),
            "local": f"{_text(key.local)} port {key.local_port}",
            "address": _text(key.remote),
            "port": key.remote_port,
            "opened": flow.opened,
            "answered": flow.answered,
            "sent": flow.packets_out,
            "received": flow.packets_in,
            "bytes_out": flow.bytes_out,
            "bytes_in": flow.bytes_in,
            "listed": _of_flow(key, flow, at, skew),
        }
        yield _row(row, flow.first, flow.last, skew)


@table(
    "wire-listeners",
    reads=_READS,
    fields=_TIMES
    | {
        "protocol": "`tcp` or `udp`",
        "local": "address here",
        "port": "the port",
        "peers": "addresses that were answered",
        "listed": _LISTED,
    },
)
def wire_listeners(collected: CollectionReader) -> Iterator[Row]:
    """Ports of the target that answered others on the wire, set against its own lists of listeners."""
    traffic, at, skew = traffic_of(collected), moments(collected.beside), _skew(collected)
    ports: dict[tuple[int, bytes, int], list[tuple[FlowKey, Flow]]] = {}
    for key, flow in traffic.flows.items():
        if flow.opened == "in" and flow.answered and key.protocol in {TCP, UDP} and not is_group(key.local):
            ports.setdefault((key.protocol, key.local, key.local_port), []).append((key, flow))
    for (protocol, local, port), flows in ports.items():
        first, last = min(f.first_out for _, f in flows), max(f.last_out for _, f in flows)
        row: Fields = {
            "protocol": _protocol(protocol),
            "local": _text(local),
            "port": port,
            "peers": len({key.remote for key, _ in flows}),
            "listed": listener_listed(protocol, port, first - skew, last - skew, at),
        }
        yield _row(row, first, last, skew)


@table(
    "wire-beacons",
    reads=_READS,
    fields=_TIMES
    | {
        "protocol": "`tcp`, `udp`, `icmp`, or `dns` for a name asked",
        "address": "whom it reaches, or the name",
        "port": "the port there",
        "interval": "seconds between two beats",
        "jitter": "largest deviation, in percent of the interval",
        "count": "beats",
        "answered": "somebody answered",
        "listed": _LISTED,
    },
)
def wire_beacons(collected: CollectionReader) -> Iterator[Row]:
    """What the target sends by itself in a regular rhythm."""
    traffic, at, skew = traffic_of(collected), moments(collected.beside), _skew(collected)
    found = set[ContactKey]()
    by_contact: dict[ContactKey, list[tuple[FlowKey, Flow]]] = {}
    for key, flow in traffic.flows.items():
        if flow.packets_out and flow.opened != "in":
            by_contact.setdefault(ContactKey(key.protocol, key.remote, key.remote_port), []).append((key, flow))
    for place, flows in by_contact.items():
        contact = traffic.contacts.get(place)
        rhythm = rhythm_of(contact.opened) if contact else None
        if rhythm is None:
            several = sorted(time for _, flow in flows for time in flow.sent)
            rhythm = rhythm_of(several)
        if rhythm is None or is_group(place.remote) or (place.protocol == UDP and place.remote_port == DNS):
            continue
        found.add(place)
        said = {_of_flow(key, flow, at, skew) for key, flow in flows}
        row: Fields = {
            "protocol": _protocol(place.protocol),
            "address": _text(place.remote),
            "port": place.remote_port,
            "answered": any(flow.answered or flow.packets_in for _, flow in flows),
            "listed": next((each for each in ("no", "kernel", "tool", "yes") if each in said), "unknown"),
        }
        yield _beat(row, rhythm, min(f.first for _, f in flows), max(f.last for _, f in flows), skew)
    for name, times in traffic.asked.items():
        if rhythm := rhythm_of(times):
            row = {"protocol": "dns", "address": name, "port": DNS, "answered": True, "listed": "unknown"}
            yield _beat(row, rhythm, times[0], times[-1], skew)


@table(
    "wire-domains",
    reads=_READS,
    fields=_TIMES
    | {
        "domain": "what somebody registered",
        "questions": "how many",
        "names": "different names below it",
        "length": "mean characters before the domain",
        "density": "bits a character of these",
        "kinds": "types of the questions",
        "tunnel": "it has the shape of a tunnel",
    },
)
def wire_domains(collected: CollectionReader) -> Iterator[Row]:
    """Domains that the target asked for, as seen on the wire."""
    traffic, skew = traffic_of(collected), _skew(collected)
    for domain in traffic.domains.values():
        row: Fields = {
            "domain": domain.name,
            "questions": domain.questions,
            "names": len(domain.names),
            "length": round(domain.length, 1),
            "density": round(domain.density, 2),
            "kinds": ", ".join(f"{kind} {count}" for kind, count in domain.kinds.most_common(4)),
            "tunnel": domain.carries_data,
        }
        yield _row(row, domain.first, domain.last, skew)


@table(
    "wire-victims",
    reads=_READS,
    fields=_TIMES
    | {
        "how": "`sweep`, `ports`, `logins`, `flood` or `mail`",
        "address": "who was attacked",
        "protocol": "`tcp` or `udp`",
        "port": "the port there; 0 for many",
        "service": "what listens there, by the port",
        "count": "connections tried; ports for `ports`, packets for `flood`",
        "answered": "of these, answered",
        "of": "addresses in the same attack",
    },
)
def wire_victims(collected: CollectionReader) -> Iterator[Row]:
    """Addresses that were attacked from the target, as seen on the wire."""
    traffic, skew = traffic_of(collected), _skew(collected)
    for victim in victims(traffic):
        row: Fields = {
            "how": victim.how,
            "address": _text(victim.remote),
            "protocol": _protocol(victim.protocol),
            "port": victim.port,
            "service": victim.service or "",
            "count": victim.tries,
            "answered": victim.answered,
            "of": victim.of,
        }
        yield _row(row, victim.first, victim.last, skew)


@table(
    "wire-foreign",
    reads=_READS,
    fields={"since": _TIMES["since"], "address": "as the sender gives it", "count": "packets"},
)
def wire_foreign(collected: CollectionReader) -> Iterator[Row]:
    """Packets from the guest's own port under an address that is not the guest's."""
    traffic, skew = traffic_of(collected), _skew(collected)
    for source, (count, first) in traffic.foreign.items():
        if source[:2] != b"\xfe\x80":
            row: Fields = {"since": _iso(first, skew), "address": _text(source), "count": count}
            yield Row(row, Place(PACKETS), first)


def _of_flow(key: FlowKey, flow: Flow, at: Iterable[Moment], skew: float) -> str:
    if key.protocol not in {TCP, UDP} or flow.packets_out < _FEWEST_OUT:
        return "unknown"
    if flow.opened == "in" and not flow.answered:
        return "unknown"
    return listed(key._replace(remote=plain(key.remote)), flow.first_out - skew, flow.last_out - skew, at)


def _beat(row: Fields, rhythm: Rhythm, first: float, last: float, skew: float) -> Row:
    more: Fields = {
        "interval": round(rhythm.interval, 1),
        "jitter": round(rhythm.jitter * 100),
        "count": rhythm.beats,
    }
    return _row(row | more, first, last, skew)


def _row(row: Fields, first: float, last: float, skew: float) -> Row:
    return Row(row | {"since": _iso(first, skew), "until": _iso(last, skew)}, Place(PACKETS), first)


def _skew(collected: CollectionReader) -> float:
    return collected.manifest.clock_skew or 0.0


def _iso(time: float, skew: float) -> str:
    return f"{as_iso(time - skew)[:19]}Z" if time > 0 else ""


def _text(address: bytes) -> str:
    return str(ip_address(address))


def _protocol(number: int) -> str:
    return _NAMES.get(number, f"protocol {number}")

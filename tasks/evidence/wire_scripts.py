"""The scripts that run on an upstream for evidence.wire: capture, flow table, neighbours, leases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import IPv6Address

from stopgap.orchestrator.facts import flow_program
from stopgap.orchestrator.host import Address
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.task import Artifact
from stopgap.tasks.evidence.source import shell

PACKETS = "packets"
"""The artifact with the packets."""
READERS = ("dumpcap", "tcpdump", "python3")
"""Programs that capture: the first that is installed."""
PROGRAMS = (*READERS, "conntrack")
PARTS = 8
"""Files of a capture that keeps the newest packets."""
_PACKET = 1 << 20
"""Bytes by which the headers and one packet may go beyond the size of a part."""
SLACK = 15.0
"""Seconds in addition to the time of the capture."""
_FLOWS = 10.0
_SCRIPTS = {"tcpdump": "wire_tcpdump", "dumpcap": "wire_dumpcap", "python3": "wire_python"}


@dataclass(frozen=True)
class Capture:
    """A capture on an upstream."""

    reader: str | None
    """`None`: no packets, the flow table alone."""
    devices: tuple[str, ...]
    addresses: tuple[Address, ...]
    cards: tuple[str, ...]
    """Link-layer addresses of the guest, if its own port is captured: then no packet is left out."""
    promiscuous: bool
    spared: tuple[Address, ...]
    """Operators, with their SSH to the target left out."""
    port: int
    """The target's port of SSH."""
    snap: int
    """Bytes of each packet."""
    seconds: float
    size: int
    """Bytes of the capture at most."""
    newest: float | None = None
    """Keep the newest packets, of this many seconds at least, in place of the first; 0: by size alone."""

    @property
    def suffix(self) -> str:
        """Return the format."""
        return "pcap" if self.reader == "tcpdump" else "pcapng"

    @property
    def further(self) -> tuple[str, ...]:
        """Return the artifacts of further parts; none where the first packets are kept."""
        return () if self.newest is None else tuple(f"{PACKETS}-{number}" for number in range(2, PARTS + 1))

    @property
    def part_size(self) -> int:
        """Return the bytes of a part, all parts together having the size."""
        return self.size // PARTS

    @property
    def part_seconds(self) -> float | None:
        """Return the seconds of a part; all parts but the one being written have the time."""
        return self.newest / (PARTS - 1) if self.newest else None

    @property
    def doubled(self) -> bool:
        """Return True if a packet is seen on each device that it passes: tcpdump hears one device, or all."""
        return self.reader == "tcpdump" and len(self.devices) > 1


def artifacts(capture: Capture) -> Iterator[Artifact]:
    """Yield the artifacts, in order."""
    yield Artifact(id="clock", about="The upstream's clock.", script=f"s=0\n{shell('clock')}\nexit $s")
    yield Artifact(
        id="capture-scope", about="Whose packets were captured, where, and by what.", script=_scope(capture)
    )
    yield _flows("flow-table", "Flows of the target in the upstream's table, when the capture began.", capture)
    if capture.reader is not None:
        yield Artifact(
            id=PACKETS,
            about="Packets of the target, as its upstream saw them.",
            script=_packets(capture, capture.reader),
            suffix=capture.suffix,
            deadline=capture.seconds + SLACK,
            cap=capture.size if capture.newest is None else capture.part_size + _PACKET,
        )
        yield _flows("flow-table-after", "The same flows, when the capture had ended.", capture)
    yield Artifact(
        id="link-neighbours",
        about="Link-layer addresses of the target, their ports, and its leases of DHCP, by the upstream.",
        script=f"s=0 addresses={quote(texts(capture.addresses))}\n{shell('wire_neighbours')}\nexit $s",
        deadline=_FLOWS,
        cap=4 << 20,
    )
    for name in capture.further if capture.reader else ():
        yield Artifact(
            id=name,
            about="Further packets of the target; the times of packets tell the order of these files.",
            script="exit 0",
            suffix=capture.suffix,
            cap=capture.part_size + _PACKET,
        )


def texts(addresses: Iterable[Address]) -> str:
    """Return the addresses as words."""
    return " ".join(map(str, addresses))


def _scope(capture: Capture) -> str:
    told = [
        *(f"target {address}" for address in capture.addresses),
        *(f"card {card}" for card in capture.cards),
        *(f"device {device}" for device in capture.devices),
        *(f"left out: {client} to port {capture.port} of the target" for client in capture.spared),
        f"reader {capture.reader or 'none'}",
        f"bytes of a packet: {capture.snap}",
        f"seconds: {capture.seconds:g}",
    ]
    version = f"{capture.reader} --version 2>&1 | head -n 3" if capture.reader else "true"
    return f"printf '%s\\n' {' '.join(map(quote, told))}\nuname -a\n{version}\nexit 0"


def _flows(name: str, about: str, capture: Capture) -> Artifact:
    patterns = " ".join(f"-e ={form}\\ " for address in capture.addresses for form in _forms(address))
    program = flow_program().partition('\nif __name__ == "__main__":')[0] + "\n" + _program("flow_list")
    script = (
        f"s=0 addresses={quote(texts(capture.addresses))} program={quote(program)}\n"
        f"{shell('wire_flows').replace('$patterns', patterns)}\nexit $s"
    )
    return Artifact(id=name, about=about, script=script, deadline=_FLOWS, cap=32 << 20)


def _forms(address: Address) -> tuple[str, ...]:
    """Return the address as conntrack(8) and as /proc/net/nf_conntrack write it."""
    long = (address.exploded,) if isinstance(address, IPv6Address) else ()
    return tuple(dict.fromkeys((str(address), *long)))


def _packets(capture: Capture, reader: str) -> str:
    wanted = () if capture.cards else capture.addresses
    flows = [(client, own) for client in capture.spared for own in capture.addresses if client.version == own.version]
    expression = _filter(wanted, flows, capture.port)
    values = {
        "seconds": f"{capture.seconds:g}",
        "snap": str(capture.snap),
        "device": "any" if capture.doubled else capture.devices[0],
        "devices": " ".join(capture.devices),
        "filter": expression,
        "tagged": "" if capture.doubled or not expression else f"({expression}) or (vlan and ({expression}))",
        "quiet": "" if capture.promiscuous else "-p",
    }
    if reader == "python3":
        values |= {
            "promiscuous": "yes" if capture.promiscuous else "no",
            "wanted": texts(wanted),
            "spared": " ".join(f"{client},{own},{capture.port}" for client, own in flows),
            "program": _program("packet_reader"),
        }
    settings = " ".join(f"{name}={quote(value)}" for name, value in values.items())
    return f"s=0 {settings}\n{shell(_SCRIPTS[reader])}{shell('wire_end')}exit $s"


def _filter(wanted: Iterable[Address], spared: Iterable[tuple[Address, Address]], port: int) -> str:
    """Return an expression of pcap-filter(7)."""
    hosts = " or ".join(f"host {address}" for address in wanted)
    without = [f"not (tcp port {port} and host {client} and host {own})" for client, own in spared]
    return " and ".join(([f"({hosts})"] if hosts else []) + without)


@cache
def _program(name: str) -> str:
    return (files("stopgap.tasks.evidence") / f"{name}.py").read_text("utf-8")

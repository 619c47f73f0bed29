"""Frames of a capture down to their ports: link types, VLAN tags, IPv4, IPv6, TCP, UDP, ICMP.

Takes any bytes: a frame that ends too early gives what was there, or nothing.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from stopgap.orchestrator.evidence.capture import Packet

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIN, SYN, RST, ACK = 1, 2, 4, 16
_IPV4, _IPV6, _PPPOE = 0x0800, 0x86DD, 0x8864
_TAGS = {0x8100, 0x88A8, 0x9100, 0x9200}
_MPLS = {0x8847, 0x8848}
_MOST_TAGS, _MOST_EXTENSIONS = 8, 8
_EXTENSIONS = {0, 43, 60, 135}
_FRAGMENT, _AUTHENTICATION = 44, 51
_NULL, _ETHERNET, _PPP, _RAW, _SLL, _LOOP, _IP4, _IP6, _SLL2 = 0, 1, 9, 101, 113, 108, 228, 229, 276
_RAWS = {_RAW, 12, 14, _IP4, _IP6}
_FAMILIES = {2: _IPV4, 24: _IPV6, 28: _IPV6, 30: _IPV6, 10: _IPV6}
"""Address families of BSD's loopback links (pcap-linktype(7), DLT_NULL)."""
_PPP_KINDS = {0x0021: _IPV4, 0x0057: _IPV6}
_PORTS = struct.Struct(">HH")
_UDP_HEADER = 8


class Frame(NamedTuple):
    """An IP packet, with the ports of TCP and UDP."""

    time: float
    source: bytes
    """4 or 16 bytes."""
    destination: bytes
    protocol: int
    source_port: int
    """0 in a later fragment, and for a protocol without ports; of ICMP the type."""
    destination_port: int
    """Of ICMP the code."""
    flags: int
    """Of TCP."""
    size: int
    """Bytes of payload on the wire."""
    payload: bytes
    """The captured beginning of the payload."""
    card: bytes
    """The sender's link-layer address; empty where the link has none."""


def frame_of(packet: Packet) -> Frame | None:
    """Return the IP packet of a captured packet; None for another kind, and for one that is too short."""
    kind, at, card = _link(packet.link, packet.data)
    if kind == _IPV4:
        return _ipv4(packet, at, card)
    if kind == _IPV6:
        return _ipv6(packet, at, card)
    return None


def _link(link: int, data: bytes) -> tuple[int, int, bytes]:
    """Return the EtherType, the place of the network header, and the sender's link-layer address."""
    if link == _ETHERNET:
        return *_untagged(data, int.from_bytes(data[12:14], "big"), 14), data[6:12]
    if link in _RAWS:
        return _by_version(data, 0), 0, b""
    if link == _SLL:
        return *_untagged(data, int.from_bytes(data[14:16], "big"), 16), data[6:12]
    if link == _SLL2:
        return *_untagged(data, int.from_bytes(data[:2], "big"), 20), data[12:18]
    if link in {_NULL, _LOOP} and len(data) >= 4:
        family = int.from_bytes(data[:4], "big")
        return _FAMILIES.get(family if family < 256 else int.from_bytes(data[:4], "little"), 0), 4, b""
    if link == _PPP:
        return *_ppp(data, 2 if data[:2] == b"\xff\x03" else 0), b""
    return 0, 0, b""


def _untagged(data: bytes, kind: int, at: int) -> tuple[int, int]:
    """Follow VLAN tags, MPLS labels and PPPoE from `at` on; return EtherType and place of the network header."""
    for _ in range(_MOST_TAGS):
        if kind in _TAGS:
            kind, at = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif kind in _MPLS:
            last = len(data) > at + 2 and data[at + 2] & 1
            at += 4
            kind = _by_version(data, at) if last else kind
        elif kind == _PPPOE:
            return _ppp(data, at + 6)
        else:
            break
    return kind, at


def _ppp(data: bytes, at: int) -> tuple[int, int]:
    return _PPP_KINDS.get(int.from_bytes(data[at : at + 2], "big"), 0), at + 2


def _by_version(data: bytes, at: int) -> int:
    return {4: _IPV4, 6: _IPV6}.get(data[at] >> 4, 0) if len(data) > at else 0


def _ipv4(packet: Packet, at: int, card: bytes) -> Frame | None:
    data = packet.data
    if len(data) < at + 20 or data[at] >> 4 != 4:
        return None
    header = (data[at] & 15) * 4
    total = int.from_bytes(data[at + 2 : at + 4], "big") or packet.length - at
    later = int.from_bytes(data[at + 6 : at + 8], "big") & 0x1FFF
    source, destination = data[at + 12 : at + 16], data[at + 16 : at + 20]
    return _transport(packet, at + header, total - header, (source, destination, card), data[at + 9], later=later > 0)


def _ipv6(packet: Packet, at: int, card: bytes) -> Frame | None:
    data = packet.data
    if len(data) < at + 40 or data[at] >> 4 != 6:
        return None
    left = int.from_bytes(data[at + 4 : at + 6], "big") or packet.length - at - 40
    kind, place, later = data[at + 6], at + 40, False
    for _ in range(_MOST_EXTENSIONS):
        if len(data) < place + 8:
            break
        if kind in _EXTENSIONS:
            size = (data[place + 1] + 1) * 8
        elif kind == _AUTHENTICATION:
            size = (data[place + 1] + 2) * 4
        elif kind == _FRAGMENT:
            size, later = 8, later or int.from_bytes(data[place + 2 : place + 4], "big") >> 3 > 0
        else:
            break
        kind, place, left = data[place], place + size, left - size
    return _transport(packet, place, left, (data[at + 8 : at + 24], data[at + 24 : at + 40], card), kind, later=later)


def _transport(
    packet: Packet, at: int, left: int, ends: tuple[bytes, bytes, bytes], protocol: int, *, later: bool
) -> Frame:
    """Return the frame; `left` bytes of the packet follow the network header at `at`."""
    source, destination, card = ends
    data = packet.data
    ports, flags, header = (0, 0), 0, 0
    if not later and len(data) >= at + 4:
        if protocol == TCP and len(data) >= at + 14:
            ports, flags, header = _PORTS.unpack_from(data, at), data[at + 13], (data[at + 12] >> 4) * 4
        elif protocol == UDP:
            ports, header = _PORTS.unpack_from(data, at), _UDP_HEADER
        elif protocol in {ICMP, ICMP6}:
            ports, header = (data[at], data[at + 1]), 8
    size = max(0, left - header)
    payload = data[at + header : at + header + size]
    return Frame(packet.time, source, destination, protocol, *ports, flags, size, payload, card)

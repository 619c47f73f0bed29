"""Link-layer frames of every kind, made by hand, and sockets that see what arrives."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from ipaddress import ip_address

ETH_P_ALL = 3
ARP, IPV4, IPV6, VLAN, QINQ, OTHER = 0x0806, 0x0800, 0x86DD, 0x8100, 0x88A8, 0x88B5
"""Kinds of frames; OTHER is for local experiments (IEEE 802, EtherType)."""
SYN, ACK = 0x02, 0x10
TCP, UDP, ICMPV6 = 6, 17, 58


def card(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def frame(destination: str, source: str, kind: int, payload: bytes, tag: int = 0) -> bytes:
    """Give a frame; `tag` is the kind of a VLAN tag of network 7."""
    tagged = struct.pack("!HH", tag, 7) if tag else b""
    return card(destination) + card(source) + tagged + struct.pack("!H", kind) + payload


def tcp(flags: int, data: bytes) -> tuple[int, bytes]:
    return TCP, struct.pack("!HHIIBBHHH", 40000, 4747, 1, 1, 5 << 4, flags, 64, 0, 0) + data


def udp(data: bytes) -> tuple[int, bytes]:
    return UDP, struct.pack("!HHHH", 40000, 4747, 8 + len(data), 0) + data


def neighbour_advert(address: str, data: bytes) -> tuple[int, bytes]:
    return ICMPV6, struct.pack("!BBHI", 136, 0, 0, 0x60000000) + ip_address(address).packed + data


def packet(source: str, destination: str, content: tuple[int, bytes], hops: int = 255) -> bytes:
    """Give an IP packet; an IPv4 checksum is right, others are 0."""
    protocol, body = content
    near, far = ip_address(source), ip_address(destination)
    if near.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, hops) + near.packed + far.packed + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, hops, protocol, 0) + near.packed + far.packed
    total: int = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + body


def arp(operation: int, source_card: str, source: str, target: str, data: bytes) -> bytes:
    near, far = ip_address(source).packed, ip_address(target).packed
    return struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + card(source_card) + near + bytes(6) + far + data


def send(on: socket.socket, device: str, frames: Mapping[str, bytes]) -> None:
    """Send each frame from a packet socket."""
    on.bind((device, ETH_P_ALL))
    for each in frames.values():
        on.send(each.ljust(60, b"."))


def arrived(on: socket.socket, names: Mapping[str, bytes]) -> set[str]:
    """Give the names whose marks, `<NAME>`, are in any frame that has arrived; nothing is waited for.

    Bridges and veth devices of one kernel hand a frame on while it is sent.
    """
    found: set[str] = set()
    on.setblocking(False)
    try:
        while True:
            data = on.recv(2048)
            found |= {name for name in names if mark(name) in data}
    except BlockingIOError:
        return found


def mark(name: str) -> bytes:
    return f"<{name}>".encode()

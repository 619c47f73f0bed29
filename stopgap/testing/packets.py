"""Captures for tests: packets as lines of text become a file of pcap.

A line is `@SECONDS [+EVERY xTIMES] PROTOCOL SOURCE > DESTINATION [FLAGS] [SIZE] [dns NAME]`, in seconds from the
start of the test's collection: `@-30 +10 x7 tcp 203.0.113.10:40000+ > 198.51.100.7:443 S`. A `+` behind a port counts
the port up each time, one behind an address the address; `%` in a name is 24 characters that look like data.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address
from typing import NamedTuple

_LINE = re.compile(
    r"@(?P<at>-?[\d.]+)(?: \+(?P<every>[\d.]+) x(?P<times>\d+))? (?P<protocol>tcp|udp|icmp) (?P<source>\S+) > "
    r"(?P<destination>\S+)(?: (?P<flags>[SAFRP]+))?(?: (?P<size>\d+))?(?: dns (?P<name>\S+))?"
)
_FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}
BEGAN = datetime.fromisoformat("2026-11-23T02:14:50+00:00").timestamp()
"""The start of the test's collection (`collections.STARTED`), in seconds since the epoch."""


class _End(NamedTuple):
    address: bytes
    port: int


def capture(lines: Iterable[str]) -> bytes:
    """Return a file of pcap with the packets of the lines, in order of time.

    >>> len(capture(["@0 udp 192.0.2.1:5000 > 192.0.2.53:53 dns www.example.org"]))
    115
    """
    packets = sorted(packet for line in lines for packet in _packets(line))
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    return header + b"".join(
        struct.pack("<IIII", *divmod(round(at * 1_000_000), 1_000_000), len(frame), len(frame)) + frame
        for at, frame in packets
    )


def _packets(line: str) -> Iterator[tuple[float, bytes]]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} is no packet: see stopgap.testing.packets")
    for number in range(int(found["times"] or 1)):
        source, destination = _end(found["source"], number), _end(found["destination"], number)
        payload = bytes(int(found["size"] or 0))
        if found["name"]:
            payload = _question(found["name"].replace("%", hashlib.sha256(str(number).encode()).hexdigest()[:24]))
        flags = sum(_FLAGS[flag] for flag in found["flags"] or "A")
        yield (
            BEGAN + float(found["at"]) + number * float(found["every"] or 0),
            frame(source, destination, found["protocol"], payload, flags),
        )


def _end(text: str, number: int) -> _End:
    address, _, port = text.rpartition(":")
    step = number if address.endswith("+") else 0
    bare = ip_address(address.rstrip("+").strip("[]")) + step
    return _End(bare.packed, int(port.rstrip("+")) + (number if port.endswith("+") else 0))


def frame(
    source: tuple[bytes, int], destination: tuple[bytes, int], protocol: str, payload: bytes, flags: int
) -> bytes:
    """Return an Ethernet frame; addresses are of 4 or 16 bytes, each with its port (ICMP: type and code)."""
    ports = struct.pack(">HH", source[1], destination[1])
    if protocol == "tcp":
        body = ports + struct.pack(">IIBBHHH", 0, 0, 5 << 4, flags, 1024, 0, 0) + payload
    elif protocol == "udp":
        body = ports + struct.pack(">HH", 8 + len(payload), 0) + payload
    else:
        body = bytes((source[1], destination[1])) + bytes(6) + payload
    number = _PROTOCOLS[protocol]
    if len(source[0]) == 16:
        head = struct.pack(">IHBB", 6 << 28, len(body), 58 if protocol == "icmp" else number, 64)
        return bytes(12) + b"\x86\xdd" + head + source[0] + destination[0] + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, number, 0)
    return bytes(12) + b"\x08\x00" + head + source[0] + destination[0] + body


def _question(name: str) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"

"""Captures of packets as files: pcap and pcapng, read from pieces as they arrive.

Formats: pcap-savefile(5) with micro- and nanoseconds in either byte order, and pcapng (draft-ietf-opsawg-pcapng).
The reader takes any bytes, in time linear in their number, and holds one block at a time. It raises nothing: bytes
that are no capture end the reading, and `damage` gives the reason.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from stopgap.orchestrator.text import tr

LONGEST_PACKET = 262_144
"""Bytes of one packet in a file at most (MAXIMUM_SNAPLEN of libpcap)."""
LONGEST_BLOCK = 1 << 20
"""Bytes of one block of pcapng at most."""
MOST_INTERFACES = 1024
"""Interfaces of one section of pcapng at most."""
_MAGIC: dict[bytes, tuple[Literal["<", ">"], int]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000_000),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 1, 2, 3, 6
_OPTION_RESOLUTION, _OPTION_OFFSET = 9, 14
_HEADER = 24
_COARSEST = 1_000_000


class Packet(NamedTuple):
    """A captured packet."""

    time: float
    """Seconds since the epoch, by the clock of the capturing host; 0 without a time."""
    link: int
    """The link type (pcap-linktype(7))."""
    data: bytes
    """The captured beginning."""
    length: int
    """Bytes of the whole packet on the wire."""


class Block(NamedTuple):
    """A piece of the file: a packet, or a header that later packets need."""

    raw: bytes
    packet: Packet | None


@dataclass
class _Interface:
    link: int
    units: float = _COARSEST
    """Units of a timestamp in a second."""
    offset: int = 0
    snaplen: int = 0


@dataclass
class CaptureParser:
    """Parses one capture; feed the bytes in order."""

    damage: str = ""
    """Why the reading ended; empty while it goes on."""
    _rest: bytearray = field(default_factory=bytearray)
    _need: int = _HEADER
    """Bytes until the next piece is complete."""
    _order: Literal["<", ">"] = "<"
    _kind: Literal["", "pcap", "pcapng"] = ""
    _link: int = 0
    _units: int = _COARSEST
    _interfaces: list[_Interface] = field(default_factory=list)

    @property
    def unfinished(self) -> bool:
        """Return True if the bytes so far end within a header or a packet."""
        return bool(self._rest)

    def take_rest(self) -> bytes:
        """Return the bytes that no piece has, and forget them."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Yield the pieces that are complete with these bytes."""
        if self.damage:
            self._rest = bytearray(chunk)
            return
        self._rest += chunk
        if len(self._rest) < self._need:
            return
        data, at = bytes(self._rest), 0
        self._rest.clear()
        if not self._kind:
            at = self._begin(data)
            if at:
                yield Block(data[:at], None)
        if self._kind == "pcap":
            yield from self._records(data, at)
        elif self._kind == "pcapng":
            yield from self._blocks(data, at)

    def _begin(self, data: bytes) -> int:
        """Recognise the format; return the length of pcap's header."""
        if data[:4] == _SECTION:
            self._kind = "pcapng"
            return 0
        known = _MAGIC.get(data[:4])
        if known is None:
            self._end(tr("it is no capture: neither pcap nor pcapng"), data)
            return 0
        self._kind, (self._order, self._units) = "pcap", known
        self._link = int(struct.unpack_from(f"{self._order}I", data, 20)[0]) & 0xFFFF
        return _HEADER

    def _records(self, data: bytes, at: int) -> Iterator[Block]:
        head, size = struct.Struct(f"{self._order}4I"), len(data)
        link, units, end = self._link, self._units, at + 16
        while size - at >= 16:
            seconds, fraction, captured, length = head.unpack_from(data, at)
            if captured > LONGEST_PACKET:
                self._end(tr("a packet of {size} bytes", size=captured), data[at:])
                return
            end = at + 16 + captured
            if end > size:
                break
            packet = Packet(seconds + fraction / units, link, data[at + 16 : end], max(length, captured))
            yield Block(data[at:end], packet)
            at, end = end, end + 16
        self._keep(data, at, end)

    def _blocks(self, data: bytes, at: int) -> Iterator[Block]:
        size, end = len(data), at + 12
        while size - at >= 12:
            if data[at : at + 4] == _SECTION:
                magic = data[at + 8 : at + 12]
                if magic not in {b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"}:
                    self._end(tr("a section in an unknown byte order"), data[at:])
                    return
                self._order = "<" if magic[0] == 0x4D else ">"
            kind, length = struct.unpack_from(f"{self._order}2I", data, at)
            if not 12 <= length <= LONGEST_BLOCK or length % 4:
                self._end(tr("a block of {size} bytes", size=length), data[at:])
                return
            end = at + length
            if end > size:
                break
            raw = data[at:end]
            if struct.unpack_from(f"{self._order}I", raw, length - 4)[0] != length:
                self._end(tr("a block whose two lengths differ"), data[at:])
                return
            yield Block(raw, self._block(kind, raw[8:-4]))
            at, end = end, end + 12
        self._keep(data, at, end)

    def _end(self, damage: str, rest: bytes) -> None:
        self.damage = damage
        self._rest += rest

    def _keep(self, data: bytes, at: int, end: int) -> None:
        self._rest += data[at:]
        self._need = end - at

    def _block(self, kind: int, body: bytes) -> Packet | None:
        if kind == int.from_bytes(_SECTION, "big"):
            self._interfaces = []
        elif kind == _INTERFACE and len(body) >= 8 and len(self._interfaces) < MOST_INTERFACES:
            self._interfaces.append(self._interface(body))
        elif kind == _PACKET and len(body) >= 20:
            number, high, low, captured, length = struct.unpack_from(f"{self._order}5I", body)
            return self._packet(number, (high << 32) | low, body[20:], captured, length)
        elif kind == _OLD_PACKET and len(body) >= 20:
            number, _drops, high, low, captured, length = struct.unpack_from(f"{self._order}2H4I", body)
            return self._packet(number, (high << 32) | low, body[20:], captured, length)
        elif kind == _SIMPLE_PACKET and len(body) >= 4 and self._interfaces:
            (length,) = struct.unpack_from(f"{self._order}I", body)
            captured = min(length, self._interfaces[0].snaplen or length)
            return self._packet(0, None, body[4:], captured, length)
        return None

    def _packet(self, number: int, stamp: int | None, data: bytes, captured: int, length: int) -> Packet | None:
        if number >= len(self._interfaces):
            return None
        interface = self._interfaces[number]
        time = 0.0 if stamp is None else stamp / interface.units + interface.offset
        return Packet(time, interface.link, data[:captured], max(length, min(captured, len(data))))

    def _interface(self, body: bytes) -> _Interface:
        link, _reserved, snaplen = struct.unpack_from(f"{self._order}2HI", body)
        interface, at = _Interface(link, snaplen=snaplen), 8
        while len(body) - at >= 4:
            code, size = struct.unpack_from(f"{self._order}2H", body, at)
            value = body[at + 4 : at + 4 + size]
            if code == 0:
                break
            if code == _OPTION_RESOLUTION and len(value) == 1:
                exponent = value[0] & 0x7F
                interface.units = float(2**exponent) if value[0] & 0x80 else 10.0 ** min(exponent, 30)
            elif code == _OPTION_OFFSET and len(value) == 8:
                (interface.offset,) = struct.unpack(f"{self._order}q", value)
            at += 4 + size + (-size % 4)
        return interface

"""The capture of a collection, read once for all tables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from stopgap.orchestrator.evidence.capture import CaptureParser, Packet
from stopgap.orchestrator.evidence.manifest import ManifestItem
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.packets.listed import plain
from stopgap.orchestrator.findings.packets.traffic import Traffic
from stopgap.orchestrator.text import tr

PACKETS = "packets"
"""The artifact with the capture; `packets-2` and so on are further parts."""
SCOPE = "capture-scope"
"""The artifact that tells whose packets were captured, where and how."""
_PART = re.compile(rf"{PACKETS}(-[0-9]{{1,2}})?")
_PIECE = 256 << 10
_MOST_ADDRESSES = 4096


@dataclass(frozen=True)
class Read:
    """The traffic of the target, and what could not be read."""

    traffic: Traffic
    damaged: tuple[str, ...]
    left_out: tuple[str, ...]


def traffic_of(collected: CollectionReader) -> Traffic:
    """Return the target's traffic in the capture; what was not read is told to the collection's meter.

    The files are read once for equal content: further calls count no bytes.
    """
    parts = tuple(_parts(collected))
    key = (str(collected.folder), tuple(item.sha256 for _, item in parts))
    read = _read(_Once(key, collected, parts))
    for reason in read.damaged:
        collected.meter.damage(reason)
    for reason in read.left_out:
        collected.meter.leave_out(reason)
    return read.traffic


@dataclass(frozen=True, eq=False)
class _Once:
    """A reading, equal to any other of the same files."""

    key: tuple[str, tuple[str | None, ...]]
    collected: CollectionReader
    parts: tuple[tuple[Path, ManifestItem], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=1)
def _read(once: _Once) -> Read:
    addresses, cards = _scope(once.collected)
    traffic = Traffic(addresses, cards)
    damaged: list[str] = []
    left_out: list[str] = []
    files = sorted(once.parts, key=lambda part: _first_time(part[0]))
    for path, item in files:
        parser = CaptureParser()
        traffic.take_all(_packets(path, parser), once.collected.meter.read)
        if parser.damage:
            damaged.append(tr("{item}: {damage}", item=item.id, damage=parser.damage))
        elif parser.unfinished and not item.truncated:
            left_out.append(tr("{item}: it ends within a packet", item=item.id))
    if not addresses:
        left_out.append(tr("{scope} names no address of the target", scope=SCOPE))
    left_out += [
        tr("more {what} than are kept: those beyond are not counted", what=what)
        for what in sorted(traffic.left_out - {"times"})
    ]
    return Read(traffic, tuple(damaged), tuple(left_out))


def _parts(collected: CollectionReader) -> Iterator[tuple[Path, ManifestItem]]:
    for item in collected.manifest.items:
        if _PART.fullmatch(item.id) and item.file and not item.encrypted:
            yield collected.folder / item.file, item


def _packets(path: Path, parser: CaptureParser) -> Iterator[Packet]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        while piece := stream.read(_PIECE):
            for block in parser.feed(piece):
                if block.packet is not None:
                    yield block.packet


def _first_time(path: Path) -> float:
    return next((packet.time for packet in _packets(path, CaptureParser())), 0.0)


def _scope(collected: CollectionReader) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Return the target's addresses, and its link-layer addresses where the capture is of its own port."""
    addresses, cards = set[bytes](), set[bytes]()
    for _, text in collected.lines(SCOPE):
        kind, _, value = text.partition(" ")
        if len(addresses) + len(cards) >= _MOST_ADDRESSES:
            break
        try:
            if kind == "target":
                addresses.add(plain(ip_address(value).packed))
            elif kind == "card" and re.fullmatch(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", value):
                cards.add(bytes.fromhex(value.replace(":", "")))
        except ValueError:
            continue
    return frozenset(addresses), frozenset(cards)

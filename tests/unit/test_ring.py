"""A capture that keeps its newest packets: each part is a capture of its own, and the manifest says what went."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stopgap.orchestrator.evidence.capture import CaptureParser
from stopgap.orchestrator.evidence.reader import open_collection
from stopgap.orchestrator.evidence.ring import Ring
from stopgap.orchestrator.evidence.store import EvidenceStore, Origin, Quota
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.task import Artifact, Beside, Collection

HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
PARTS = ("packets", "packets-2", "packets-3")
ENDED = Output(HostText(b""), HostText(b""), 0)


def packet(number: int) -> bytes:
    return struct.pack("<IIII", 1_795_400_000 + number, 0, 4, 4) + struct.pack("<I", number)


def store(folder: Path) -> EvidenceStore:
    artifacts = tuple(Artifact(id=name, about="", script="exit 0", suffix="pcap", cap=1 << 20) for name in PARTS)
    beside = Beside(until="packets", parts=PARTS[1:], part_size=224)
    origin = Origin("r", "wire", "web", Host(name="edge", address="192.0.2.1"), None, "kei")
    folder.mkdir()
    return EvidenceStore(
        folder, origin, Collection(profile="wire", artifacts=artifacts, beside=beside), Quota(),
        clock=lambda: datetime(2026, 11, 29, tzinfo=UTC),
    )  # fmt: skip


def numbers(file: Path) -> list[int]:
    parser = CaptureParser()
    found = [b.packet for b in parser.feed(file.read_bytes()) if b.packet]
    assert not parser.damage
    return [struct.unpack("<I", each.data)[0] for each in found]


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 20])
@pytest.mark.parametrize(
    ("count", "seconds", "kept", "overwritten"),
    [
        (5, None, {"packets": [0, 1, 2, 3, 4]}, 0),
        (25, None, {"packets": [*range(10)], "packets-2": [*range(10, 20)], "packets-3": [*range(20, 25)]}, 0),
        (45, None, {"packets": [*range(30, 40)], "packets-2": [*range(40, 45)], "packets-3": [*range(20, 30)]}, 448),
        (9, 3.0, {"packets": [0, 1, 2, 3], "packets-2": [4, 5, 6, 7], "packets-3": [8]}, 0),
    ],
)
def test_the_oldest_packets_are_overwritten_and_each_part_is_a_capture(
    piece: int, count: int, seconds: float | None, kept: dict[str, list[int]], overwritten: int, tmp_path: Path
) -> None:
    kept_in = store(tmp_path / "run")
    ring = Ring([0, 1, 2], 224, seconds, kept_in)
    content = HEAD + b"".join(map(packet, range(count)))
    for at in range(0, len(content), piece):
        ring.data(content[at : at + piece])
    ring.end()
    for part in sorted(ring.used):
        kept_in.ended(part, ENDED)
    kept_in.close()
    collected = open_collection(kept_in.folder)
    assert {i.id: numbers(kept_in.folder / str(i.file)) for i in collected.manifest.items} == kept
    said = [item.truncated_because for item in collected.manifest.items if item.truncated]
    assert sum(int(text.split()[0]) for text in said) == overwritten


def test_what_is_no_capture_is_kept_as_it_came(tmp_path: Path) -> None:
    kept_in = store(tmp_path / "run")
    ring = Ring([0, 1, 2], 224, None, kept_in)
    for piece in (b"tcpdump: no such ", b"device, and much more text of it", b"."):
        ring.data(piece)
    ring.end()
    kept_in.ended(0, ENDED)
    kept_in.close()
    (item,) = open_collection(kept_in.folder).manifest.items
    assert (kept_in.folder / str(item.file)).read_bytes() == b"tcpdump: no such device, and much more text of it."


def test_a_packet_that_did_not_arrive_whole_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    kept_in = store(tmp_path / "run")
    ring = Ring([0, 1, 2], 224, None, kept_in)
    ring.data(HEAD + packet(1) + packet(2)[:-1])
    ring.end()
    kept_in.ended(0, ENDED)
    kept_in.close()
    (item,) = open_collection(kept_in.folder).manifest.items
    assert (item.bytes, numbers(kept_in.folder / str(item.file))) == (24 + 20 + 19, [1])

"""Each program that captures upstream writes a file that is read here, and by Wireshark's capinfos if installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from stopgap.orchestrator.evidence.capture import CaptureParser
from stopgap.orchestrator.findings.packets.frames import SYN, frame_of
from stopgap.tasks.evidence.wire_scripts import PACKETS, Capture, artifacts
from stopgap.testing.packets import frame

from .netns import Namespace

HOST, HOST6, OPERATOR, OTHER, OTHER6 = (
    ip_address(text).packed
    for text in ("203.0.113.10", "2001:db8:113::10", "10.9.0.2", "198.51.100.7", "2001:db8:100::7")
)


def tagged(data: bytes, *tags: bytes) -> bytes:
    return data[:12] + b"".join(tags) + data[12:]


SEEN = {
    "IPv4": frame((HOST, 40000), (OTHER, 443), "tcp", b"", SYN),
    "IPv6": frame((HOST6, 40001), (OTHER6, 443), "tcp", b"", SYN),
    "an answer": frame((OTHER, 443), (HOST, 40002), "tcp", b"x" * 600, 16),
    "a VLAN": tagged(frame((HOST, 40003), (OTHER, 443), "tcp", b"", SYN), b"\x81\x00\x00\x07"),
}
UNSEEN = {
    "others": frame((OTHER, 40004), (OPERATOR, 443), "tcp", b"", SYN),
    "the operator's SSH": frame((OPERATOR, 40005), (HOST, 22), "tcp", b"", SYN),
    "and its answers": frame((HOST, 22), (OPERATOR, 40006), "tcp", b"", SYN),
}


@pytest.fixture
def upstream() -> Iterator[Namespace]:
    made = Namespace()
    made.sh("ip link add lan type veth peer name host; ip link set lan up; ip link set host up")
    try:
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("reader", ["python3", "tcpdump", "dumpcap"])
def test_packets_of_the_host_alone_are_written_whole_up_to_the_bytes_asked_for(
    reader: str, upstream: Namespace, tmp_path: Path
) -> None:
    if shutil.which(reader) is None:
        pytest.skip(f"{reader} is not installed")
    addresses = (ip_address(HOST), ip_address(HOST6))
    capture = Capture(reader, ("lan",), addresses, (), False, (ip_address(OPERATOR),), 22, 384, 2.0, 1 << 20)
    (script,) = (artifact.script for artifact in artifacts(capture) if artifact.id == PACKETS)
    file = tmp_path / f"packets.{capture.suffix}"
    with file.open("wb") as out:
        running = subprocess.Popen(upstream.words("sh", "-c", script), stdout=out, stderr=subprocess.PIPE)
        sender = upstream.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("host", 0))
        end = time.monotonic() + 20
        while not read(file) and running.poll() is None and time.monotonic() < end:
            sender.send(frame((HOST, 1), (OTHER, 1), "udp", b"", 0))
            time.sleep(0.05)
        for data in (*SEEN.values(), *UNSEEN.values()):
            sender.send(data)
        _, said = running.communicate(timeout=30)
    sender.close()
    assert running.returncode == 0, said
    found = [packet for packet in read(file) if b"\0\1\0\1" not in packet[:40]]
    assert found == [data[:384] for data in SEEN.values()]
    if shutil.which("capinfos"):
        told = subprocess.run(["capinfos", "-c", str(file)], capture_output=True, text=True, check=True).stdout
        assert f"Number of packets:   {len(read(file))}" in told


def read(file: Path) -> list[bytes]:
    parser = CaptureParser()
    packets = [block.packet for block in parser.feed(file.read_bytes()) if block.packet]
    assert not parser.damage
    assert all(map(frame_of, packets))
    return [packet.data for packet in packets]

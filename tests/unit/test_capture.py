"""Captures in every format and over every link that routers and hypervisors have, whole, cut off and damaged."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgap.orchestrator.evidence.capture import CaptureParser, Packet
from stopgap.orchestrator.findings.packets import traffic as module
from stopgap.orchestrator.findings.packets.frames import SYN, TCP, frame_of
from stopgap.orchestrator.findings.packets.names import Domain, Question, domain_of, question_of
from stopgap.orchestrator.findings.packets.reached import victims
from stopgap.orchestrator.findings.packets.rhythm import rhythm_of
from stopgap.orchestrator.findings.packets.traffic import Traffic
from stopgap.testing.packets import capture, frame

HOST, HOST6 = ip_address("203.0.113.10").packed, ip_address("2001:db8:113::10").packed
OTHER, OTHER6 = ip_address("198.51.100.7").packed, ip_address("2001:db8:100::7").packed
FRAME = frame((HOST, 40000), (OTHER, 443), "tcp", b"payload", SYN)
FRAME6 = frame((HOST6, 40000), (OTHER6, 443), "tcp", b"payload", SYN)
TIMES = (1_795_400_090.25, 1_795_400_091.5)


def pcap(order: str, units: int, link: int = 1, data: bytes = FRAME) -> bytes:
    magic = 0xA1B2C3D4 if units == 10**6 else 0xA1B23C4D
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    return head + b"".join(
        struct.pack(f"{order}IIII", int(t), round(t % 1 * units), len(data), len(data) + 10) + data for t in TIMES
    )


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size


def pcapng(order: str, link: int = 1, data: bytes = FRAME, resolution: int | None = None) -> bytes:
    options = struct.pack(f"{order}HHB3x", 9, 1, resolution) + bytes(4) if resolution is not None else b""
    units = 10**6 if resolution is None else 2 ** (resolution & 127) if resolution & 128 else 10**resolution
    out = block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(order, 1, struct.pack(f"{order}HHI", link, 0, 65535) + options)
    for t in TIMES:
        high, low = divmod(round(t * units), 1 << 32)
        out += block(order, 6, struct.pack(f"{order}5I", 0, high, low, len(data), len(data) + 10) + data)
    return out + block(order, 5, struct.pack(f"{order}III", 0, 0, 0))


def read(content: bytes, size: int = 1 << 20) -> tuple[list[Packet], CaptureParser]:
    parser = CaptureParser()
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return [b.packet for piece in pieces for b in parser.feed(piece) if b.packet], parser


@pytest.mark.parametrize(
    "content",
    [
        *(pcap(order, units) for order in "<>" for units in (10**6, 10**9)),
        *(pcapng(order, resolution=r) for order in "<>" for r in (None, 9, 3, 0x80 | 20)),
        pcapng("<") + pcapng(">"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_both_formats_are_read_in_both_byte_orders_from_pieces_of_any_size(content: bytes, size: int) -> None:
    packets, parser = read(content, size)
    assert [p.time for p in packets] == pytest.approx(TIMES * (len(packets) // 2))
    assert {(p.link, p.data, p.length) for p in packets} == {(1, FRAME, len(FRAME) + 10)}
    assert (parser.damage, parser.unfinished) == ("", False)


@pytest.mark.parametrize("content", [pcap("<", 10**6), pcapng(">")])
def test_what_a_file_that_was_cut_off_still_holds_is_read(content: bytes) -> None:
    for end in range(len(content)):
        packets, parser = read(content[:end])
        assert len(packets) <= 2
        assert parser.damage == ""
    assert len(read(content[:-40])[0]) >= 1
    assert read(pcap("<", 10**6)[:-1])[1].unfinished


def test_old_and_simple_packets_of_pcapng_are_read() -> None:
    old = block("<", 2, struct.pack("<HHIIII", 0, 0, 0, 5_000_000, 4, 4) + b"abcd")
    simple = block("<", 3, struct.pack("<I", 4) + b"abcd")
    head = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    packets, _ = read(head + block("<", 1, struct.pack("<HHI", 1, 0, 0)) + old + simple)
    assert [(p.time, p.data) for p in packets] == [(5.0, b"abcd"), (0.0, b"abcd")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/bin/sh\necho no capture at all\n", "neither pcap nor pcapng"),
        (pcap("<", 10**6)[:24] + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30), "a packet of 1073741824 bytes"),
        (pcapng("<")[:28] + struct.pack("<II", 6, 1 << 30) + bytes(40), "a block of 1073741824 bytes"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "unknown byte order"),
        (block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))[:-4] + b"\1\0\0\0", "lengths differ"),
    ],
)
def test_damage_ends_the_reading_and_is_said(content: bytes, said: str) -> None:
    packets, parser = read(content)
    assert packets == []
    assert said in parser.damage


def ethernet(data: bytes, *tags: bytes) -> bytes:
    return data[:12] + b"".join(tags) + data[12:]


IP, IP6 = FRAME[14:], FRAME6[14:]
HOP_BY_HOP = (
    IP6[:4]
    + struct.pack(">H", len(IP6) - 24)
    + b"\0"
    + IP6[7:40]
    + bytes((44, 0))
    + bytes(6)
    + bytes((6, 0))
    + bytes(6)
    + IP6[40:]
)


@pytest.mark.parametrize(
    ("link", "data"),
    [
        (1, FRAME),
        (1, ethernet(FRAME, b"\x81\x00\x00\x07")),
        (1, ethernet(FRAME, b"\x88\xa8\x00\x07", b"\x81\x00\x00\x08")),
        (1, FRAME[:12] + b"\x88\x64\x11\x00\x00\x01" + struct.pack(">H", len(IP) + 2) + b"\x00\x21" + IP),
        (1, FRAME[:12] + b"\x88\x47\x00\x01\x00\x40\x00\x01\x01\x40" + IP),
        (113, bytes(14) + b"\x08\x00" + IP),
        (113, bytes(14) + b"\x81\x00\x00\x07\x08\x00" + IP),
        (276, b"\x08\x00" + bytes(18) + IP),
        (276, b"\x81\x00" + bytes(18) + b"\x00\x07\x08\x00" + IP),
        (276, b"\x86\xdd" + bytes(18) + IP6),
        (113, bytes(14) + b"\x86\xdd" + IP6),
        (101, IP),
        (101, IP6),
        (228, IP),
        (229, IP6),
        (0, b"\2\0\0\0" + IP),
        (108, b"\0\0\0\x1c" + IP6),
        (9, b"\xff\x03\x00\x21" + IP),
        (9, b"\x00\x57" + IP6),
        (1, FRAME6),
        (1, ethernet(FRAME6, b"\x81\x00\x00\x07")),
        (101, HOP_BY_HOP),
    ],
)
def test_packets_are_found_behind_every_link_tag_and_extension(link: int, data: bytes) -> None:
    found = frame_of(Packet(1.0, link, data, len(data)))
    assert found is not None
    ends = (found.source, found.source_port, found.destination, found.destination_port)
    assert ends in {(HOST, 40000, OTHER, 443), (HOST6, 40000, OTHER6, 443)}
    assert (found.protocol, found.flags, found.payload) == (TCP, SYN, b"payload")


def test_a_later_fragment_has_no_ports_and_a_cut_frame_nothing_or_what_was_there() -> None:
    later = IP[:6] + b"\x00\x10" + IP[8:]
    found = frame_of(Packet(1.0, 101, later, len(later)))
    assert found is not None
    assert (found.source_port, found.flags) == (0, 0)
    for data, link in ((FRAME, 1), (IP6, 101), (HOP_BY_HOP, 101)):
        for end in range(len(data)):
            frame_of(Packet(1.0, link, data[:end], len(data)))


@given(st.binary(max_size=200), st.sampled_from([0, 1, 9, 12, 101, 108, 113, 228, 229, 276, 9999]))
def test_no_bytes_break_the_reading_of_a_frame(data: bytes, link: int) -> None:
    found = frame_of(Packet(1.0, link, data, len(data)))
    if found is not None:
        question_of(found.payload)
        Traffic({found.source}).take(found)


@given(st.sampled_from([pcap("<", 10**6), pcapng("<"), pcapng(">")]), st.data())
def test_no_damage_breaks_the_reading_of_a_file(content: bytes, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content = content[:at] + data.draw(st.binary(max_size=9)) + content[at + data.draw(st.integers(0, 9)) :]
    packets, parser = read(content, data.draw(st.sampled_from([3, 64, 4096])))
    assert sum(len(p.data) for p in packets) <= len(content)
    assert read(content)[0] == packets or parser.damage


def jittered(interval: float, jitter: float, count: int, seed: int) -> list[float]:
    draw = random.Random(seed)
    at, times = 0.0, []
    for _ in range(count):
        times.append(at)
        at += interval * (1 + draw.uniform(-jitter, jitter))
    return times


@pytest.mark.parametrize("interval", [0.5, 10.0, 60.0, 3600.0])
@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.3])
def test_a_beacon_is_known_by_its_rhythm_with_up_to_30_percent_of_jitter(interval: float, jitter: float) -> None:
    for seed in range(50):
        found = rhythm_of(jittered(interval, jitter, 12, seed))
        assert found is not None
        assert found.interval == pytest.approx(interval, rel=0.2)
        assert found.jitter <= 0.5
        assert found.beats == 12


def test_retries_count_once_and_a_missing_beat_breaks_no_rhythm() -> None:
    times = [beat * 30 + retry for beat in range(10) if beat != 4 for retry in (0.0, 1.0, 3.0)]
    found = rhythm_of(times)
    assert found is not None
    assert (round(found.interval), found.beats) == (30, 9)


def test_what_happens_by_chance_is_no_rhythm() -> None:
    def by_chance(seed: int) -> list[float]:
        draw = random.Random(seed)
        at, times = 0.0, []
        for _ in range(draw.randint(8, 40)):
            at += draw.expovariate(0.1)
            times.append(at)
        return times

    assert sum(rhythm_of(by_chance(seed)) is not None for seed in range(500)) <= 5
    assert rhythm_of([0.0, 0.2, 0.6, 1.4, 3.0, 6.2, 12.6, 25.4]) is None  # TCP's own retries
    assert rhythm_of([]) is None
    assert rhythm_of([0.0] * 100) is None


def domain(names: Iterable[str]) -> Domain:
    found = Domain("example.net")
    for name in names:
        found.take(Question(f"{name}.example.net", "A"), 1.0)
    return found


def dense(seed: int) -> str:
    return "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz234567", k=30))


@pytest.mark.parametrize(
    ("names", "carries"),
    [
        ([dense(n) for n in range(30)], True),
        ([f"{dense(n)}.{dense(n + 1)}.t" for n in range(30)], True),
        ([dense(n) for n in range(5)], False),
        ([f"www{n}" for n in range(100)], False),
        ([f"{n}.113.0.203.zen" for n in range(100)], False),
        ([".".join(f"{n:032x}") for n in range(100)], False),
        (["static-images-of-the-shop"], False),
    ],
)
def test_a_tunnel_is_known_by_its_shape(names: list[str], carries: bool) -> None:
    assert domain(names).carries_data is carries


def test_questions_are_read_as_they_were_asked() -> None:
    def query(*labels: bytes) -> bytes:
        return (
            struct.pack(">6H", 7, 0x100, 1, 0, 0, 0)
            + b"".join(bytes((len(n),)) + n for n in labels)
            + b"\0\0\x10\0\1"
        )

    asked = query(b"WWW", b"\x1b[2J", b"example", b"org")
    assert question_of(asked) == Question("www.\\027[2j.example.org", "TXT")
    assert question_of(struct.pack(">H", len(asked)) + asked, stream=True) == question_of(asked)
    answer = asked[:2] + b"\x81\x80" + asked[4:]
    assert question_of(answer) is None
    assert question_of(asked[:-5]) is None
    assert question_of(asked[:12] + b"\xc0\x0c" + bytes(8)) is None
    assert domain_of("example.org") == "example.org"


def traffic(*lines: str) -> Traffic:
    found = Traffic({HOST, HOST6})
    parser = CaptureParser()
    found.take_all(b.packet for b in parser.feed(capture(lines)) if b.packet)
    return found


SCAN = "@0 +0.01 x300 tcp 203.0.113.10:40000+ > 198.51.100.2+:23 S"
SCAN6 = "@0 +0.01 x300 tcp [2001:db8:113::10]:40000+ > [2001:db8:100::1]+:22 S"


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        ([SCAN], {"sweep"}),
        ([SCAN6], {"sweep"}),
        (["@0 +0.01 x30 udp 203.0.113.10:4000 > 198.51.100.2+:1900 90"], {"sweep"}),
        (["@0 +0.01 x30 tcp 203.0.113.10:4000+ > 198.51.100.2:1+ S"], {"ports"}),
        (["@0 +0.0001 x6000 udp 203.0.113.10:4000 > 198.51.100.2:80 900"], {"flood"}),
        (["@0 +2 x20 tcp 203.0.113.10:4000+ > 198.51.100.2:25 S",
          "@0.1 +2 x20 tcp 198.51.100.2:25 > 203.0.113.10:4000+ SA"], {"logins"}),
        (["@0 +9 x6 tcp 203.0.113.10:4000+ > 198.51.100.2:22 S"], set()),
        (["@0 +0.1 x40 udp 203.0.113.10:4000+ > 198.51.100.2+:53 dns www.example.net"], set()),
        (["@0 +0.1 x40 tcp 198.51.100.2+:4000 > 203.0.113.10:22 S"], set()),
    ],
)  # fmt: skip
def test_who_was_attacked_is_known_by_the_shape_of_it(lines: list[str], kinds: set[str]) -> None:
    assert {victim.how for victim in victims(traffic(*lines))} == kinds


def test_every_address_of_a_sweep_is_named_with_its_times() -> None:
    found = list(victims(traffic(SCAN)))
    assert (len(found), {v.of for v in found}, {v.answered for v in found}) == (300, {300}, {0})
    assert found[0].last - found[0].first == 0


def test_bounds_keep_memory_and_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FLOWS", 50)
    monkeypatch.setattr(module, "MOST_CONTACTS", 100)
    found = traffic(SCAN)
    assert (len(found.flows), len(found.contacts)) == (50, 100)
    assert found.left_out == {"flows", "contacts"}


def test_a_port_that_is_used_again_is_a_connection_of_its_own() -> None:
    again = traffic(
        "@0 +10 x6 tcp 203.0.113.10:40000 > 198.51.100.7:443 S",
        "@0.1 +10 x6 tcp 198.51.100.7:443 > 203.0.113.10:40000 R",
    )
    (contact,) = again.contacts.values()
    assert (contact.flows, len(contact.opened), contact.refused) == (6, 6, 6)


def test_retransmitted_openings_are_one_connection() -> None:
    (contact,) = traffic("@0 +1 x6 tcp 203.0.113.10:40000 > 198.51.100.7:443 S").contacts.values()
    assert (contact.flows, contact.packets) == (1, 6)


def test_packets_of_others_do_not_count() -> None:
    assert traffic("@0 udp 198.51.100.2:53 > 198.51.100.3:53 9").packets == 0

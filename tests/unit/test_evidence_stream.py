"""What arrives of a collection: decompressed within its cap, at a pace, with a word on how far it has come."""

from __future__ import annotations

import subprocess
import zlib
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import CONTROLLER
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote import Item, Limits, Session, Sink
from stopgap.orchestrator.remote.local import LocalSession
from stopgap.orchestrator.run.evidence_stream import Arrival, Progress, Sample, is_worth_compressing, items_of
from stopgap.orchestrator.task import Artifact, Collection


@dataclass
class Kept:
    """A store that keeps everything in memory."""

    content: dict[int, bytes] = field(default_factory=dict)
    ends: dict[int, Output] = field(default_factory=dict)

    def data(self, index: int, chunk: bytes) -> None:
        self.content[index] = self.content.get(index, b"") + chunk

    def ended(self, index: int, output: Output) -> None:
        self.ends[index] = output


def collection(*scripts: str, cap: int = 1 << 20, rate: int | None = None) -> Collection:
    artifacts = tuple(
        Artifact(id=f"a{n}", about="About.", script=script, deadline=10, cap=cap) for n, script in enumerate(scripts)
    )
    return Collection(profile="p", artifacts=artifacts, rate=rate)


def ended(status: int | None = 0) -> Output:
    return Output(HostText(b""), HostText(b""), status)


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]], ids=lambda s: s[0])
@pytest.mark.parametrize(
    ("script", "output", "status"),
    [
        ("printf 'one\\ntwo\\n'; exit 0", b"one\ntwo\n", 0),
        ("printf x; exit 3", b"x", 3),
        ("f() { printf '%s' \"$1\"; }; f 'it'\\''s'; s=1; exit $s # a remark", b"it's", 1),
        ("exit 127", b"", 127),
    ],
)
def test_a_compressed_script_brings_the_same_bytes_and_status(
    shell: list[str], script: str, output: bytes, status: int
) -> None:
    asked = collection(script)
    (item,) = items_of(asked, compressed=True)
    done = subprocess.run([*shell, "-s"], input=item.script.encode(), capture_output=True, timeout=180, check=False)
    assert (done.returncode, done.stdout[:1]) == (status, b"z")
    store = Kept()
    arrival = Arrival(store, asked, compressed=True)
    for byte in done.stdout:
        arrival.data(0, bytes([byte]))
    arrival.ended(0, ended(done.returncode))
    assert store.content.get(0, b"") == output
    assert store.ends[0] == ended(status)


def test_a_host_without_gzip_sends_as_it_is(tmp_path: object) -> None:
    asked = collection("printf plain; exit 1")
    (item,) = items_of(asked, compressed=True)
    script = f"PATH=/nowhere; {item.script}"
    done = subprocess.run(["/bin/sh", "-s"], input=script.encode(), capture_output=True, timeout=180, check=False)
    assert (done.returncode, done.stdout) == (1, b"pplain")
    store = Kept()
    arrival = Arrival(store, asked, compressed=True)
    arrival.data(0, done.stdout)
    arrival.ended(0, ended(1))
    assert (store.content[0], store.ends[0].truncated) == (b"plain", False)


def test_a_script_that_has_no_end_stops_at_its_cap_on_the_host() -> None:
    (item,) = items_of(collection("yes", cap=1000), compressed=True)
    done = subprocess.run(
        ["/bin/sh", "-s"], input=item.script.encode(), capture_output=True, timeout=180, check=False
    )
    assert zlib.decompress(done.stdout[1:], 31) == (b"y\n" * 501)[:1001]


def test_no_more_is_decompressed_than_the_cap() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(bytes(64 << 20)) + packer.flush()
    store = Kept()
    arrival = Arrival(store, collection("", cap=1 << 20), compressed=True)
    arrival.data(0, b"z" + bomb)
    arrival.ended(0, ended())
    assert len(store.content[0]) <= 2 << 20
    assert store.ends[0].truncated


@pytest.mark.parametrize("sent", [b"z", b"zrubbish", b"z\x1f\x8b\x08", b"zz", b"z" + zlib.compress(b"no header")])
def test_what_does_not_decompress_is_marked(sent: bytes) -> None:
    store = Kept()
    arrival = Arrival(store, collection(""), compressed=True)
    arrival.data(0, sent)
    arrival.ended(0, ended())
    assert store.ends[0].truncated


def test_what_came_before_a_link_broke_is_kept() -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    sent = packer.compress(b"begun" * 100) + packer.flush(zlib.Z_SYNC_FLUSH)
    store = Kept()
    arrival = Arrival(store, collection(""), compressed=True)
    arrival.data(0, b"z" + sent)
    arrival.ended(0, ended(None))
    assert store.content[0] == b"begun" * 100
    assert store.ends[0].truncated


class Clock:
    """Time that passes in sleep alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_rate_is_kept_and_deadlines_allow_for_it() -> None:
    clock = Clock()
    asked = collection("", cap=1 << 20, rate=1 << 20)
    arrival = Arrival(Kept(), asked, compressed=False, clock=clock, sleep=clock.sleep)
    for _ in range(64):
        arrival.data(0, bytes(64 << 10))
    assert clock.now == pytest.approx(4, abs=0.1)
    assert items_of(asked, compressed=False)[0].deadline == 11


def test_progress_names_the_artifact_the_bytes_and_what_is_left() -> None:
    clock = Clock()
    told: list[Progress] = []
    arrival = Arrival(Kept(), collection("", "", ""), compressed=False, clock=clock, tell=told.append)
    clock.now = 1.0
    arrival.data(0, b"first")
    arrival.ended(0, ended())
    clock.now = 2.0
    arrival.data(1, b"second")
    assert told == [Progress("a0", 0, 3, 5, None), Progress("a1", 1, 3, 11, 4.0)]


@pytest.mark.parametrize(
    ("portions", "rate"),
    [
        ([(0.1, 1 << 18)] * 4 + [(0.01, 1 << 18)] * 4, 25e6),  # it came ever faster, as TCP does
        ([(1.0, 1 << 16)] * 5, 65e3),  # its deadline came before its half
        ([(0.0, 2 << 20)], None),
        ([], None),
    ],
)
def test_a_sample_tells_how_fast_the_wire_is(portions: list[tuple[float, int]], rate: float | None) -> None:
    clock = Clock()
    sample = Sample(clock)
    for seconds, size in portions:
        clock.now += seconds
        sample.data(0, bytes(size))
    assert sample.rate == (rate and pytest.approx(rate, rel=0.1))


class Sampled:
    """A host whose samples take as long as a test says."""

    def __init__(self, clock: Clock, portions: list[tuple[float, int]], gzip: float, status: int = 0) -> None:
        self._clock, self._portions, self._gzip, self._status = clock, portions, gzip, status

    def exchange(self, items: list[Item], *, sink: Sink) -> None:
        for seconds, size in self._portions:
            self._clock.now += seconds
            sink.data(0, bytes(size))
        sink.ended(0, ended())
        self._clock.now += self._gzip
        sink.ended(1, ended(self._status))


AUTO = collection("true").model_copy(update={"compress": "auto"})
FLIGHT = [(0.001, 1 << 18)] * 7
"""The rest of a sample that comes at 262 MB a second."""


@pytest.mark.parametrize(
    ("lag", "rest", "gzip", "status", "worth_it"),
    [
        (0.4, FLIGHT, 0.03, 0, True),  # 200 ms away: no faster than 14 MB a second, whatever one flight says
        (0.4, FLIGHT, 0.3, 0, False),  # its processor compresses 7 MB a second
        (0.4, FLIGHT, 0.03, 127, False),  # it has no gzip(1)
        (0.1, [(0.0065, 1 << 18)] * 7, 0.03, 0, True),  # 50 ms away, 40 MB a second
        (0.01, FLIGHT, 0.003, 0, False),  # a network of a gigabit or more
        (0.01, [(0.02, 1 << 18)] * 7, 0.03, 0, True),  # a hundred megabits
    ],
)
def test_a_host_compresses_where_gzip_is_faster_than_the_connection(
    lag: float, rest: list[tuple[float, int]], gzip: float, status: int, worth_it: bool
) -> None:
    clock = Clock()
    session: Any = Sampled(clock, [(lag, 1 << 18), *rest], gzip, status)
    assert is_worth_compressing(AUTO, session, clock) is worth_it


def test_a_session_is_asked_for_both_samples_as_a_host_has_them() -> None:
    session = LocalSession(CONTROLLER, Limits())
    sample = Sample()
    asked: list[Item] = []

    class Asking:
        def exchange(self, items: list[Item], *, sink: Sink) -> None:
            asked.extend(items)
            session.exchange(items, sink=sample)

    is_worth_compressing(AUTO, cast("Session", Asking()))
    session.close()
    assert len(asked) == 2
    assert sample.gzip_rate > 0

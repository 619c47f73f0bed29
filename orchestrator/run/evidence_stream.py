"""The stages between the connection and the evidence store: rate limit, compression, progress."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote import Item, Session, Sink
from stopgap.orchestrator.task import Artifact, Collection

_FAST = 60e6
"""Bytes a second: on a faster connection the host's processor is spared."""
_SAMPLE = 2 << 20
_GZIPPED = 8 << 20
"""Bytes of zeros that gzip(1) gets as its sample."""
_OF_FILES = 4
"""How much longer `gzip -1` takes for files than for zeros: 330 MB of zeros a second, 86 of /usr, 118 of /var/log."""
_IN_FLIGHT = 2.7 * (1 << 20)
"""Bytes that a host has under way in a round trip, by default: `tcp_wmem` of tcp(7), 4 MiB, less what Linux keeps."""
_SAMPLE_DEADLINE = 5.0
_PORTION = 1 << 20
_EVERY = 0.25
"""Seconds between two words of progress."""
_LONGEST_PAUSE = 0.2
"""Seconds: during a pause nothing is read, and the host's output waits; deadlines go on."""

_COMPRESSED = """\
_body() {{
{script}
}}
if command -v gzip >/dev/null 2>&1 && command -v head >/dev/null 2>&1; then
    printf z
    {{
        s=$({{ {{ (_body) 3>&- 4>&-; echo $? >&4; }} | head -c {most} | gzip -1 -c >&3; }} 4>&1)
    }} 3>&1
else
    printf p
    (_body)
    s=$?
fi
exit ${{s:-1}}"""


@dataclass(frozen=True)
class Progress:
    """The progress of a collection."""

    artifact: str
    """The current artifact."""
    ended: int
    of: int
    bytes: int
    """Kept so far."""
    left: float | None
    """Estimated seconds left, from the artifacts' deadlines; `None` without an estimate."""


def items_of(collection: Collection, *, compressed: bool) -> list[Item]:
    """Return the scripts for the host. Under a rate limit, deadlines are extended to fit the largest allowed size."""
    return [
        Item(
            _COMPRESSED.format(script=artifact.script, most=artifact.cap + 1) if compressed else artifact.script,
            artifact.deadline + (artifact.cap / collection.rate if collection.rate else 0),
            artifact.cap,
            until_told=collection.beside is not None and artifact.id == collection.beside.until,
        )
        for artifact in collection.artifacts
    ]


def is_worth_compressing(
    collection: Collection, session: Session, clock: Callable[[], float] = time.monotonic
) -> bool:
    """Return True if the host shall compress: as configured, or by measured samples, in one exchange.

    The host compresses where `gzip -1` on one of its processors, as busy as it is, is faster than the connection. A
    session not alive afterwards has to be reopened.
    """
    if collection.compress != "auto":
        return collection.compress == "always"
    sample = Sample(clock)
    session.exchange(
        [
            Item(f"head -c {_SAMPLE} /dev/zero", _SAMPLE_DEADLINE, _SAMPLE),
            Item(f"command -v gzip >&2 && head -c {_GZIPPED} /dev/zero | gzip -1 >/dev/null", _SAMPLE_DEADLINE),
        ],
        sink=sample,
    )
    return sample.rate is not None and sample.rate < min(_FAST, sample.gzip_rate)


class Sample:
    """Measures the speed of a sample; of a long sample the second half alone: the first half fills buffers.

    A sample that a single flight carries tells nothing of the round trip, which bounds all that is longer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._size = 0
        self._since = (0.0, 0)
        self._halfway = False
        self._bound = float("inf")
        self._sampled: float | None = None
        self.rate: float | None = None
        """Bytes a second that the connection carries; `None` if unknown."""
        self.gzip_rate = 0.0
        """Bytes of files that `gzip -1` compresses a second; 0 without gzip(1)."""

    def data(self, index: int, chunk: bytes) -> None:
        """Count the bytes of the sample of the connection."""
        if index != 0:
            return
        self._size += len(chunk)
        now = self._clock()
        at, before = self._since
        if not before or (not self._halfway and self._size >= _SAMPLE // 2):
            if not before:  # an exchange takes two round trips
                self._bound = 2 * _IN_FLIGHT / max(now - self._begun, 1e-3)
            self._halfway = self._size >= _SAMPLE // 2
            self._since = (now, self._size)
        elif now > at:
            self.rate = min(self._bound, (self._size - before) / (now - at))

    def ended(self, index: int, output: Output) -> None:
        """Note the end of a sample: gzip(1) took the time between both ends."""
        if index == 0:
            self._sampled = self._clock()
        elif output.status == 0 and self._sampled is not None:
            self.gzip_rate = _GZIPPED / _OF_FILES / max(self._clock() - self._sampled, 1e-3)


@dataclass
class _Inflating:
    """One artifact in the course of decompression."""

    kind: bytes = b""
    """`z`: compressed, `p`: plain, empty before the first byte."""
    inflater: zlib._Decompress = field(default_factory=lambda: zlib.decompressobj(31))
    size: int = 0
    damaged: bool = False


class Arrival:
    """Receives a collection and passes the decompressed bytes to the evidence store.

    Decompression stops at the artifact's cap, so a hostile host cannot exhaust memory or disk.
    """

    def __init__(
        self,
        store: Sink,
        collection: Collection,
        *,
        compressed: bool,
        tell: Callable[[Progress], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._artifacts, self._rate = store, collection.artifacts, collection.rate
        self._compressed = compressed
        self._tell, self._clock, self._sleep = tell, clock, sleep
        self._inflating = [_Inflating() for _ in collection.artifacts]
        self._begun = self._told = clock()
        self._ended = 0
        self._kept = 0
        self.wire = 0
        """Bytes received on the connection."""

    def data(self, index: int, chunk: bytes) -> None:
        """Pass on the content of a chunk; under a rate limit, wait first."""
        self.wire += len(chunk)
        for part in self._plain(index, chunk):
            self._kept += len(part)
            self._store.data(index, part)
        if self._rate:
            early = self._begun + self.wire / self._rate - self._clock()
            if early > 0:
                self._sleep(min(early, _LONGEST_PAUSE))
        now = self._clock()
        if now - self._told >= _EVERY:
            self._told = now
            self._tell(self._progress(self._artifacts[index], now))

    def ended(self, index: int, output: Output) -> None:
        """Pass on the end of an artifact; a truncated compressed stream makes an incomplete artifact."""
        if self._compressed:
            if output.stdout:
                self.data(index, output.stdout.raw)
            state = self._inflating[index]
            cut = state.damaged or (state.kind == b"z" and not state.inflater.eof)
            output = replace(output, stdout=HostText(b""), truncated=output.truncated or (cut and output.ran))
        self._ended += 1
        self._store.ended(index, output)

    def _plain(self, index: int, chunk: bytes) -> Iterator[bytes]:
        if not self._compressed:
            yield chunk
            return
        state = self._inflating[index]
        if not state.kind:
            state.kind, chunk = chunk[:1], chunk[1:]
        if state.kind != b"z":
            if chunk:
                yield chunk
            return
        while chunk and not state.damaged and not state.inflater.eof and state.size <= self._artifacts[index].cap:
            try:
                part = state.inflater.decompress(chunk, _PORTION)
            except zlib.error:
                state.damaged = True
                return
            chunk = state.inflater.unconsumed_tail
            state.size += len(part)
            yield part

    def _progress(self, artifact: Artifact, now: float) -> Progress:
        done = sum(a.deadline for a in self._artifacts[: self._ended])
        rest = sum(a.deadline for a in self._artifacts[self._ended :])
        known = self._ended > 0 and done / (done + rest) >= 0.1
        left = min(rest, (now - self._begun) * rest / done) if known else None
        return Progress(artifact.id, self._ended, len(self._artifacts), self._kept, left)

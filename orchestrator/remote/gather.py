"""Joins the two streams of an exchange into one output for each item, and enforces deadlines and size caps."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote.framing import Begun, Broken, Data, Ended, Event, Frames, NotRun
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.script import HALT_ORDER, kill_order
from stopgap.orchestrator.remote.session import Item, Sink
from stopgap.orchestrator.text import tr

_PATIENCE = 4
"""How many times as long as for its first word a host may take for a word on what is due."""
_KILLED = 128
"""Exit statuses above the number mean a death by signal (POSIX, section 2.8.2)."""


@dataclass
class _Stream:
    frames: Frames
    at: int = -1
    """The current item, according to the stream."""
    ends: dict[int, Ended | NotRun] = field(default_factory=dict)


@dataclass
class _Part:
    """The received output of one item."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    passed_on: int = 0
    dropped: int = 0
    begun: bool = False
    overdue: bool = False


class Gathering:
    """The state of one exchange. Times are monotonic seconds, given by the caller."""

    def __init__(
        self,
        items: Sequence[Item],
        nonce: bytes,
        *,
        stop_on_failure: bool,
        limits: Limits,
        sink: Sink | None,
        now: float,
    ) -> None:
        self.broken: str | None = None
        """Why the host's word is no longer taken."""
        self.due = now + limits.start
        """When the host must have said something further."""
        self._items = items
        self._limits = limits
        self._grace, self._killing = limits.grace, limits.killing
        self._asked = now
        self._sink = sink
        self._stop = stop_on_failure
        self._parts = [_Part() for _ in items]
        self._stdout, self._stderr = (_Stream(Frames(nonce, len(items), limits.noise)) for _ in range(2))
        self._reported = 0
        self._kept = 0
        self._process = ""
        self._item_due: float | None = None
        self._orders: list[bytes] = []
        self._halted = False
        self._told: set[int] = set()
        self._ahead: deque[Event] = deque()
        self._bytes_ahead = 0

    @property
    def complete(self) -> bool:
        """True once both streams account for every item."""
        return len(self._stdout.ends) == len(self._stderr.ends) == len(self._items)

    @property
    def begun(self) -> bool:
        """True once the host's shell has taken the script."""
        return self._stdout.frames.begun

    @property
    def words(self) -> HostText:
        """The host's output outside of items: on standard error, else on standard output."""
        return HostText(bytes(self._stderr.frames.words or self._stdout.frames.words))

    def feed(self, stdout: bytes, stderr: bytes, now: float) -> None:
        """Take received bytes; a sink's exception propagates."""
        for event in self._stderr.frames.feed(stderr) if stderr else ():
            self._take_stderr(event)
        self._report()
        if stdout:
            self._ahead.extend(self._stdout.frames.feed(stdout))
            self._bytes_ahead += len(stdout)
        while self._ahead and not self.broken and not self._waits(self._ahead[0]):
            self._take_stdout(self._ahead.popleft(), now)
        if not self._ahead:
            self._bytes_ahead = 0
        elif self._bytes_ahead > self._limits.window + self._limits.widest_window:
            self.broken = self.broken or tr("one stream far ahead of the other")

    def orders(self, now: float) -> bytes:
        """Return the orders for the host: kill an item past its deadline, or with output past its cap."""
        if self._item_due is not None and now >= self._item_due:
            self._parts[self._stdout.at].overdue = True
            self._end_item()
            self.due = max(self.due, now + self._killing)
            self._item_due = None
        orders, self._orders = b"".join(self._orders), []
        return orders

    @property
    def may_halt(self) -> bool:
        """True before a pause not yet used for a halt."""
        return not self._halted and any(item.pause for item in self._items)

    def halt(self) -> None:
        """Order the host to begin no item from the next pause on."""
        self._halted = True
        self._orders.append(HALT_ORDER)

    @property
    def goes_on_until_told(self) -> bool:
        """True while the current item is open-ended and `tell` was not called."""
        at = self._stdout.at
        return at >= 0 and self._items[at].until_told and at not in self._told and at not in self._stdout.ends

    def tell(self) -> None:
        """End the current item; the output so far counts as complete."""
        self._told.add(self._stdout.at)
        self._end_item()

    def next_moment(self) -> float:
        """Return the time of the next deadline."""
        return self.due if self._item_due is None else min(self.due, self._item_due)

    def sent(self, now: float) -> None:
        """Note the complete transmission of the script: the host's answer timeout starts here."""
        if not self.begun:
            self._asked = now
            self.due = now + self._limits.start

    def outputs(self) -> list[Output]:
        """Return the present output of each item, and pass the rest to the sink."""
        self._report(final=True)
        return [self._output(index) for index in range(len(self._items))]

    def _waits(self, event: Event) -> bool:
        """Hold an item's output until the end of the previous item on both streams, to keep ends in order."""
        return isinstance(event, Begun) and event.index > 0 and event.index - 1 not in self._stderr.ends

    def _take_stderr(self, event: Event) -> None:
        if isinstance(event, Data):
            kept = self._parts[self._stderr.at].stderr
            kept += event.chunk[: self._limits.stderr - len(kept)]
        else:
            self._note(self._stderr, event)

    def _take_stdout(self, event: Event, now: float) -> None:
        if isinstance(event, Data):
            self._keep_stdout(event.chunk)
        else:
            self._note(self._stdout, event)
            self._set_due(event, now)
            self._report()

    def _note(self, stream: _Stream, event: Begun | Ended | NotRun | Broken) -> None:
        if self.broken:
            return
        if isinstance(event, Broken):
            self.broken = event.reason
        elif isinstance(event, Begun):
            stream.at = event.index
            self._parts[event.index].begun = True
            if self._stopped(stream, event.index):
                self.broken = tr("an item begun after one that failed")
        elif isinstance(event, NotRun) and not self._may_leave_out(stream, event.index):
            self.broken = tr("an item left out without a failure before it")
        else:
            stream.ends[event.index] = event
            other = self._stdout if stream is self._stderr else self._stderr
            if event.index in other.ends and other.ends[event.index] != event:
                self.broken = tr("two streams that contradict each other")

    def _may_leave_out(self, stream: _Stream, index: int) -> bool:
        if self._halted and (self._items[index].pause or isinstance(stream.ends.get(index - 1), NotRun)):
            return True
        return self._stopped(stream, index)

    def _stopped(self, stream: _Stream, index: int) -> bool:
        """Return True if nothing may begin any more: after an item that was left out, or whose failure stops."""
        before = stream.ends.get(index - 1)
        if before is None or isinstance(before, NotRun):
            return before is not None
        return before.status != 0 and (self._stop or self._items[index - 1].required)

    def _set_due(self, event: Begun | Ended | NotRun | Broken, now: float) -> None:
        self._item_due = None
        if isinstance(event, Begun) and event.index == 0:
            self._grace = max(self._grace, min(_PATIENCE * (now - self._asked), self._limits.start))
        self.due = now + self._grace
        if isinstance(event, Begun):
            self._process = event.process
            self._item_due = now + self._items[event.index].deadline
            self.due = self._item_due + self._grace

    def _keep_stdout(self, chunk: bytes) -> None:
        index = self._stdout.at
        part, cap = self._parts[index], self._items[index].cap
        room = cap - part.passed_on
        if self._sink is None:
            room = min(room, self._limits.kept - self._kept)
        kept = chunk[: max(0, room)]
        part.passed_on += len(kept)
        if kept and self._sink is not None:
            self._sink.data(index, kept)
        elif kept:
            self._kept += len(kept)
            part.stdout += kept
        within = part.dropped <= self._limits.excess
        part.dropped += len(chunk) - len(kept)
        if within and part.dropped > self._limits.excess:
            self._end_item()

    def _end_item(self) -> None:
        if self._process:
            self._orders.append(kill_order(self._process))

    def _report(self, *, final: bool = False) -> None:
        """Report finished items to the sink, in order."""
        if self._sink is None or (self.broken and not final):
            return
        while self._reported < len(self._items) and (final or self._over(self._reported)):
            index = self._reported
            self._reported += 1
            self._sink.ended(index, self._output(index))

    def _over(self, index: int) -> bool:
        return index in self._stdout.ends and index in self._stderr.ends

    def _output(self, index: int) -> Output:
        part = self._parts[index]
        end, same = self._stdout.ends.get(index), self._stderr.ends.get(index)
        if end is None or end != same:
            return self._made(part, None, truncated=part.begun)
        if isinstance(end, NotRun):
            return self._made(part, None, ran=False)
        if part.overdue and end.status > _KILLED:
            return self._made(part, None, truncated=True)
        return self._made(part, end.status, truncated=part.dropped > 0)

    @staticmethod
    def _made(part: _Part, status: int | None, *, truncated: bool = False, ran: bool = True) -> Output:
        stdout, stderr = HostText(bytes(part.stdout)), HostText(bytes(part.stderr))
        return Output(stdout, stderr, status, truncated=truncated, ran=ran)

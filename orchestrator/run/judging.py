"""Judge evidence beside the run, so that no step waits for rules and no host can delay a step."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from stopgap.orchestrator.journal.records import AnyRecord, EvidenceKept
from stopgap.orchestrator.loading import load
from stopgap.orchestrator.run.late import FINDINGS

if TYPE_CHECKING:
    from stopgap.orchestrator.findings.apart import ReaderApart

LAST = 300.0
"""Seconds for judgement after the last step; collections left over count as not judged."""


class Judging:
    """Takes kept collections of one run and records the findings of each. Thread-safe.

    Parallel judgements equal the number of processors; each judgement has a process of its own, and further ones as
    long as there are fewer processes than processors.
    """

    def __init__(
        self, run_folder: Path, record: Callable[[AnyRecord], None], *, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Create the queue; `stop` tells of an interruption, after which collections are recorded as not judged."""
        self._run_folder, self._record, self._stop = run_folder, record, stop
        self._most = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._most, "judging")
        self._lock = threading.Lock()
        self._idle: list[ReaderApart] = []
        self._used = 0
        """Reading processes that are not idle."""
        self._waiting: list[Future[None]] = []
        self._kept: dict[str, list[EvidenceKept]] = {}
        self._until = float("inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for reader in self._idle:
            reader.close()

    def know(self, kept: EvidenceKept) -> None:
        """Register a collection judged earlier, for comparison with other collections."""
        with self._lock:
            self._kept.setdefault(kept.target, []).append(kept)

    def get_ready(self) -> None:
        """Start the reading processes of one judgement in advance, during work of the host."""
        readers = self._readers(self._most)
        with suppress(OSError):  # reported at the time of use
            for reader in readers:
                reader.start()
        self._give_back(readers)

    def submit(self, kept: EvidenceKept, seconds: float | None = None) -> None:
        """Submit a collection for judgement, with an optional timeout in seconds."""
        self.know(kept)
        with self._lock:
            self._waiting.append(self._pool.submit(self._judge, kept, seconds))

    def settle(self) -> None:
        """Wait until all submitted collections are recorded. Raises JournalError if a record failed."""
        while True:
            with self._lock:
                waiting, self._waiting = self._waiting, []
            if not waiting:
                return
            for each in waiting:
                each.result()

    def finish(self) -> None:
        """Settle within LAST seconds."""
        self._until = time.monotonic() + LAST
        self.settle()

    def _judge(self, kept: EvidenceKept, seconds: float | None) -> None:
        load(FINDINGS)
        from stopgap.orchestrator.findings import rules_in_force  # noqa: PLC0415
        from stopgap.orchestrator.findings.judge import BUDGET  # noqa: PLC0415
        from stopgap.orchestrator.findings.keeping import keep_findings  # noqa: PLC0415

        left = max(0.0, self._until - time.monotonic())
        with self._lock:
            beside = [other for other in self._kept[kept.target] if other.folder != kept.folder]
        readers = self._readers(self._most)
        try:
            made = keep_findings(
                self._run_folder, kept, rules_in_force, beside,
                readers=readers, budget=min(BUDGET, left, BUDGET if seconds is None else seconds),
            )  # fmt: skip
        finally:
            self._give_back(readers)
        self._record(made)

    def _readers(self, most: int) -> list[ReaderApart]:
        """Take one reader, and up to `most` while there are idle processors."""
        load(FINDINGS)
        from stopgap.orchestrator.findings import rules_in_force  # noqa: PLC0415
        from stopgap.orchestrator.findings.apart import ReaderApart  # noqa: PLC0415

        rules = rules_in_force()
        with self._lock:
            taken: list[ReaderApart] = []
            while not taken or (len(taken) < most and self._used < self._most):
                taken.append(self._idle.pop() if self._idle else ReaderApart(rules, stop=self._stop))
                self._used += 1
        return taken

    def _give_back(self, readers: list[ReaderApart]) -> None:
        with self._lock:
            self._idle += readers
            self._used -= len(readers)

"""Requests of several threads to one host, served together: whoever comes while one is served shares the next."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

GATHERING = 0.25
"""Seconds that the first call waits at most for requests that are expected: less than a call takes."""
Request = TypeVar("Request")
Result = TypeVar("Result")


@dataclass
class _Waiting(Generic[Request, Result]):
    request: Request
    results: tuple[Result, ...] = ()
    """The result, once there is one."""
    error: BaseException | None = None


class Sharing(Generic[Request, Result]):
    """Serves requests by key, at most one call at a time for each key.

    >>> sharing = Sharing[int, int](at_once=8)
    >>> sharing.take("edge", 3, lambda numbers: [2 * number for number in numbers])
    6
    """

    def __init__(self, at_once: int) -> None:
        """Begin with nobody waiting; `at_once` is the most requests of one call."""
        self._at_once = at_once
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._expected: dict[str, int] = {}
        self._waiting: dict[str, list[_Waiting[Request, Result]]] = defaultdict(list)
        self._turns: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def expect(self, counts: Mapping[str, int]) -> None:
        """Expect as many requests by key at about the same time: the first call waits a moment for all of them."""
        with self._lock:
            self._expected |= counts

    def waiting(self, key: str) -> int:
        """Return the number of requests that wait for a call."""
        with self._lock:
            return len(self._waiting[key])

    def take(self, key: str, request: Request, serve: Callable[[Sequence[Request]], Sequence[Result]]) -> Result:
        """Return the result of a request; `serve` gets the requests of a call, and returns a result for each.

        Raises whatever `serve` raises, for each request of the call.
        """
        mine: _Waiting[Request, Result] = _Waiting(request)
        with self._lock:
            self._waiting[key].append(mine)
            self._arrived.notify_all()
            turn = self._turns[key]
        with turn:
            if not mine.results and mine.error is None:
                self._serve(key, mine, serve)
        if mine.error is not None:
            raise mine.error
        return mine.results[0]

    def _serve(
        self,
        key: str,
        mine: _Waiting[Request, Result],
        serve: Callable[[Sequence[Request]], Sequence[Result]],
    ) -> None:
        with self._lock:
            waiting = self._waiting[key]
            expected = min(self._expected.pop(key, 0), self._at_once)
            self._arrived.wait_for(lambda: len(waiting) >= expected, GATHERING)
            together = [mine, *(each for each in waiting if each is not mine)][: self._at_once]
            for each in together:
                waiting.remove(each)
        try:
            results = serve([each.request for each in together])
        except BaseException as error:
            for each in together:
                each.error = error
        else:
            for each, result in zip(together, results, strict=True):
                each.results = (result,)

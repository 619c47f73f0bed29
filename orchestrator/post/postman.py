"""The interface of a postman, and the outcome of a message."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

from stopgap.orchestrator.message import Message

TIMEOUT = 60.0
"""Seconds that one message may take, from the look-up of the server's name to its last word."""
ANSWER = 64 << 10
"""Bytes that a server may say about one message."""


@dataclass(frozen=True)
class Posted:
    """The outcome of a message. `failed`: not sent. `unknown`: handed over, without confirmation."""

    outcome: Literal["sent", "failed", "unknown"]
    detail: str
    """What the other side said, escaped; or where the file lies."""


class Postman(Protocol):
    """Sender of messages over one route. A failed message raises no exception: `Posted` has the outcome."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def post(self, message: Message) -> Posted:
        """Send one message, once; returns within TIMEOUT seconds."""


class Connectionless:
    """A postman with nothing to open before the first message or to close after the last."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

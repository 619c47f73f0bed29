"""Plug-ins that could not be used, each with the reason; the command line tells them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from stopgap.orchestrator.plugins.model import Kind
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Failure:
    """A plug-in that was left out."""

    kind: Kind
    name: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return tr(
            "plug-in {name} ({kind}, {origin}) is left out: {reason}",
            name=self.name,
            kind=self.kind,
            origin=self.origin,
            reason=self.reason,
        )


_failures: dict[Failure, None] = {}
_lock = Lock()


def fail(kind: Kind, name: str, origin: str, reason: str) -> None:
    """Note that a plug-in is left out; the same failure twice counts once."""
    with _lock:
        _failures[Failure(kind, name, origin, reason)] = None


def failures() -> tuple[Failure, ...]:
    """Give the plug-ins that were left out so far, in the order in which that was found."""
    with _lock:
        return tuple(_failures)


@contextmanager
def guarded(kind: Kind, name: str, origin: str) -> Iterator[None]:
    """Turn whatever the plug-in's code raises into a failure of that plug-in; an interrupt passes through."""
    try:
        yield
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        fail(kind, name, origin, f"{type(error).__name__}: {text}" if text else type(error).__name__)

"""The libraries of the extra `stopgap[team]`, imported where they are needed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.text import tr


class QueueError(Error):
    """The queue's database cannot be used; the message says why."""


def procrastinate_() -> Any:  # noqa: ANN401
    """Return the queue's library. Raises UsageError without the extra."""
    return _imported("procrastinate")


def psycopg() -> Any:  # noqa: ANN401
    """Return the driver of PostgreSQL. Raises UsageError without the extra."""
    return _imported("psycopg")


@contextmanager
def queue_errors() -> Iterator[None]:
    """Raise QueueError for an error of the database."""
    driver, library = psycopg(), procrastinate_()
    try:
        yield
    except (driver.Error, library.exceptions.ConnectorException) as error:
        first = str(error).strip().splitlines()
        raise QueueError(
            tr("the queue cannot be used: {error}", error=first[0] if first else error.__class__.__name__)
        ) from None


def _imported(name: str) -> Any:  # noqa: ANN401
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UsageError(tr("runners at sites need an extra: pip install 'stopgap[team]'")) from None

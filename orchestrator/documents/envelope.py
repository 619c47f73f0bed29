"""The fields that every JSON document and every JSON line begins with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, overload

VERSION = 1
"""Version of the documents' format: raised when a field is renamed or dropped, not when one is added."""


@overload
def rfc3339(at: datetime) -> str: ...
@overload
def rfc3339(at: datetime | None) -> str | None: ...
def rfc3339(at: datetime | None) -> str | None:
    """Write a point in time as RFC 3339 has it: UTC, milliseconds, `Z`.

    >>> rfc3339(datetime(2026, 11, 23, 1, 13, tzinfo=UTC))
    '2026-11-23T01:13:00.000Z'
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def envelope(schema: str, at: datetime | None = None) -> dict[str, Any]:
    """Give `schema`, `version` and `time` of a document of this schema; `at`: its time, by default now."""
    return {"schema": f"stopgap.{schema}", "version": VERSION, "time": rfc3339(at or datetime.now(UTC))}

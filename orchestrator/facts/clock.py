"""The time by a host's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from stopgap.orchestrator.facts.reader import Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int


@dataclass(frozen=True)
class Clock(Reader[datetime]):
    """Read the clock (date(1)), to the second."""

    cap: ClassVar[int] = 1 << 10

    def script(self) -> str:
        """Return the script: print the seconds since the epoch."""
        return "date +%s"

    def parse(self, output: Output) -> datetime:
        """Parse the number. Raises UnreadableError for anything else, and for a time that no calendar has."""
        seconds = parse_int(output.stdout.decoded().strip(), 12)
        if output.status != 0 or seconds is None:
            raise UnreadableError("date: no number of seconds")
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise UnreadableError("date: a time that no calendar has") from None

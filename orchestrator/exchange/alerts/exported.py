"""What became of an alert at a case system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Exported:
    """The alert there."""

    id: str
    """As the system numbers it."""
    state: Literal["created", "updated"]
    indicators: int
    """Sent this time."""
    left_out: int
    """More than an alert takes."""

"""What was typed about a duty becomes one decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Decision:
    """A decision about a duty, or none."""

    state: Literal["owed", "not-owed", "sent"] | None = None
    at: datetime | None = None
    reason: str = ""


def decision_of(*, owed: bool, not_owed: str | None, sent: str | None, draft: bool) -> Decision:
    """Return the decision of the options.

    Raises UsageError for two at once, for an empty reason, and for a time that is no time with an offset.
    """
    if sum((owed, not_owed is not None, sent is not None, draft)) > 1:
        raise UsageError(tr("one of --owed, --not-owed, --sent and --draft at a time"))
    if not_owed is not None:
        if not not_owed.strip():
            raise UsageError(tr("--not-owed needs the reason, and who said so"))
        return Decision("not-owed", reason=not_owed.strip())
    if sent is not None:
        return Decision("sent", at=None if sent == "now" else _moment(sent))
    return Decision("owed") if owed else Decision()


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(
            tr("--sent {text}: expected a time with its offset, such as 2026-11-23T10:40+09:00", text=text)
        )
    if at > datetime.now(UTC):
        raise UsageError(tr("--sent {text} is in the future", text=text))
    return at

"""The outcomes of a step (DESIGN, Contract), and the sets of outcomes that decide how a run goes on."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a step ended on a target. Each member equals the word in the journal, in events and in `--json`."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    FAILED = "failed"


FAILURES: frozenset[str] = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.UNREACHABLE, Outcome.REFUSED})
"""The step was not done, or is not known to be done."""
RETRIED: frozenset[str] = FAILURES - {Outcome.REFUSED}
"""Another attempt may end otherwise; a guard refuses again."""
DONE: frozenset[str] = frozenset({Outcome.CHANGED, Outcome.UNCHANGED})
"""The step is done, or was done already."""
MAY_STAND: frozenset[str] = frozenset({Outcome.CHANGED, Outcome.UNKNOWN})
"""Something of the step is in force, or may be."""
EXPECTED: frozenset[str] = DONE | {Outcome.SKIPPED}
"""Nothing to look into."""

"""The verdict on containment, drawn from what was seen from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.journal.records import CheckJudged, Verdict


def verdict(judged: Sequence[CheckJudged], at_best: Iterable[Verdict] = ()) -> Verdict:
    """Draw it from the checks of one target that count towards containment.

    `contained`: packets were tried, from a vantage other than the target, and everything that could be seen holds.
    `partly`: something that should be cut is not, by what was seen or by the target's own word. `unverified`: nobody
    outside could look. A one-sided check that holds proves nothing. It is never better than any of `at_best`, which
    is what steps have named as open or as not to be believed. Where no check saw anything at all, nothing is known to
    be cut, and so not a part of it either: `unverified`.
    """
    if all(check.holds is None for check in judged):
        return "unverified"
    return min((_by_packets(judged), *at_best), key=("partly", "unverified", "contained").index)


def _by_packets(judged: Sequence[CheckJudged]) -> Verdict:
    if any(c.containment and c.disproves for c in judged):
        return "partly"
    counting = [c for c in judged if c.proves]
    seen_as_wanted = {c.about for c in counting if c.holds}
    return "contained" if counting and all(c.about in seen_as_wanted for c in counting) else "unverified"


def leaks(judged: Iterable[CheckJudged]) -> list[str]:
    """Say what was found open that should be cut."""
    return [f"{c.about}: {c.seen}, seen from {c.vantage}" for c in judged if c.containment and c.holds is False]


def unseen(judged: Sequence[CheckJudged]) -> list[str]:
    """Say what nobody could look at."""
    seen = {c.about for c in judged if c.holds is not None}
    return list(dict.fromkeys(f"{c.about}: {c.seen}" for c in judged if c.containment and c.about not in seen))


@dataclass(frozen=True)
class Again:
    """How far a target is cut off now, beside what its run said."""

    target: str
    was: Verdict
    at: datetime | None
    """When the run's last proof was seen."""
    now: Verdict | None
    """None: nothing was looked at."""
    reasons: tuple[str, ...] = ()
    """Why it is no better, the worst first."""

    @property
    def worse(self) -> bool:
        """Something is open that the run had not seen open."""
        return self.was != "partly" and self.now == "partly"

    @property
    def unseen(self) -> bool:
        """What the run said can neither be confirmed nor disproved."""
        return self.was == "contained" and self.now == "unverified"

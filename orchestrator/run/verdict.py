"""The containment verdict, from observations made outside the target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.journal.records import CheckJudged, Verdict
from stopgap.orchestrator.text import tr


def verdict(judged: Sequence[CheckJudged], at_best: Iterable[Verdict] = ()) -> Verdict:
    """Return the verdict from the containment checks of one target.

    `contained`: probe packets were sent from a vantage other than the target, and every possible check holds.
    `partly`: a connection due to be cut is open, by an observation or by the target's own word. `unverified`: no
    vantage outside could look. A one-sided check proves nothing by holding. The verdict is never better than any of
    `at_best`, the limits set by steps for open or untrusted parts. Without a single observation the verdict is
    `unverified`, since not even a partial cut is known.
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
    """Return the open connections due to be cut."""
    return [
        tr("{about}: {seen}, seen from {vantage}", about=c.about, seen=c.seen, vantage=c.vantage)
        for c in judged
        if c.containment and c.holds is False
    ]


def unseen(judged: Sequence[CheckJudged]) -> list[str]:
    """Return the checks without an observation."""
    seen = {c.about for c in judged if c.holds is not None}
    return list(
        dict.fromkeys(
            tr("{about}: {seen}", about=c.about, seen=c.seen) for c in judged if c.containment and c.about not in seen
        )
    )


@dataclass(frozen=True)
class Again:
    """The present verdict on a target, beside the verdict recorded by the run."""

    target: str
    was: Verdict
    at: datetime | None
    """When the run's last proof was seen."""
    now: Verdict | None
    """`None`: no check was made."""
    reasons: tuple[str, ...] = ()
    """The reasons against a better verdict, the worst first."""

    @property
    def worse(self) -> bool:
        """True for a connection open now and not recorded as open by the run."""
        return self.was != "partly" and self.now == "partly"

    @property
    def unseen(self) -> bool:
        """True if the recorded verdict can neither be confirmed nor disproved."""
        return self.was == "contained" and self.now == "unverified"

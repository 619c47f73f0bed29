"""The containment verdict of the present moment, from repeated checks; a recorded verdict is never repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stopgap.orchestrator.journal import Containment, History, step_of
from stopgap.orchestrator.journal.records import Verdict
from stopgap.orchestrator.run.verdict import Again, leaks, unseen, verdict
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.run.device_state import Seen


def look_again(history: History, seen: Sequence[Seen]) -> Iterator[Again]:
    """Yield a fresh verdict for every target of the run with a containment step still in force."""
    left = {(change.step, change.target) for change in history.in_force()}
    for cut in history.containment:
        steps = {step_of(check.step) for check in cut.proofs}
        if not any(target == cut.target and step_of(step) in steps for step, target in left):
            continue
        mine = [one for one in seen if one.target == cut.target and one.contains]
        if not mine:
            yield Again(cut.target, cut.verdict, cut.proved_at, None)
            continue
        judged = [check for one in mine for check in one.judged]
        limits = [*_limits(mine), *_taken_back(cut, history, steps), *_never_made(cut, history, steps)]
        now = verdict(judged, [limit for limit, _ in limits])
        partly = [*(why for limit, why in limits if limit == "partly"), *leaks(judged)]
        unknown = [*(why for limit, why in limits if limit == "unverified"), *unseen(judged)]
        reasons = partly if now == "partly" else unknown if now == "unverified" else []
        yield Again(cut.target, cut.verdict, cut.proved_at, now, tuple(dict.fromkeys(reasons)))


def _limits(seen: Sequence[Seen]) -> Iterator[tuple[Verdict, str]]:
    """Yield the best verdict possible given each device and each gap, with the reason."""
    for one in seen:
        if one.standing is None:
            yield (
                "unverified",
                tr(
                    "{host} could not be looked at: {unreachable}",
                    host=one.host,
                    unreachable=one.unreachable or one.trouble,
                ),
            )
        elif one.standing.state == "gone":
            yield "partly", tr("gone on {host}", host=one.host)
        elif one.standing.state == "changed":
            yield "partly", tr("changed on {host}", host=one.host)
        for gap in one.gaps:
            if gap.limit:
                yield gap.limit, gap.text


def _taken_back(cut: Containment, history: History, steps: set[str]) -> Iterator[tuple[Verdict, str]]:
    """Yield the upstreams with an undone containment step."""
    for change in history.changes:
        if change.target == cut.target and step_of(change.step) in steps and change.state == "undone":
            yield "partly", tr("undone on {host}", host=change.host)


def _never_made(cut: Containment, history: History, steps: set[str]) -> Iterator[tuple[Verdict, str]]:
    """Yield the upstreams without the containment step, because the step failed there."""
    for step in history.steps:
        made = step.outcome in {"changed", "unchanged", None}
        if step.target == cut.target and step_of(step.step) in steps and not made:
            yield "partly", tr("not done on {host}: {reason}", host=step.host, reason=step.reason or step.outcome)

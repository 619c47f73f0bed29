"""findings.review: one list of findings, decided by a person before the host returns to service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.past_runs import THIS, PastFinding, PastRun
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.severity import SEVERITIES, Severity, severity_text
from stopgap.orchestrator.task import Note, Past, Planned, Probe, Task
from stopgap.orchestrator.text import joined, tr, trn
from stopgap.tasks.recovery.runs import RunsFacts, RunsParams


class FindingsReviewParams(RunsParams):
    """Runs, the least severity to review, and whether the host was rebuilt since."""

    least: Severity = Field("low", description="The least severity with a review.")
    rebuilt: bool = Field(
        False, description="The host was rebuilt since these runs: their findings are history, and nobody is asked."
    )


class FindingsReviewFacts(RunsFacts):
    """Past runs, and the decisions recorded in the current run."""

    this: tuple[PastRun, ...] = ()


class FindingsReview(Task[FindingsReviewParams, FindingsReviewFacts]):
    """Ask once which findings are gone, which are accepted and why, and which are open.

    One numbered list, the worst first; a rule found in several collections stands there once. `open` ends the run:
    settle the finding, then resume. A finding accepted in the current run is not asked about again; a finding that
    was called gone, and that new evidence of the current run shows, comes first.
    """

    name = "findings.review"
    vantages = ("controller",)
    may_ask = True

    def probe(self, params: FindingsReviewParams, scene: Scene) -> Probe:
        """Return readers for the past runs and the current run, in the journal."""
        return {"past_runs": Past(params.runs), "this": Past((THIS,))}

    def plan(self, params: FindingsReviewParams, facts: FindingsReviewFacts, scene: Scene) -> Iterator[Planned]:
        """Yield one question with the numbered list, and notes on what needs no decision."""
        name = scene.target.name
        found = _by_rule(facts.past_runs, params.least)
        if params.rebuilt:
            history = trn("1 earlier finding is history", "{count} earlier findings are history", len(found))
            yield Note(text=tr("{host} was rebuilt: {history}", host=name, history=history))
            return
        own = {run.run for run in facts.this}
        fresh = {f.id for run in facts.past_runs if run.run in own for f in run.findings}
        said = {each.id: each.word for run in facts.this for each in run.decisions}
        if fresh or any(run.run in own for run in facts.past_runs):
            yield from _looked_for(said, fresh)
        asked = {
            id_: seen
            for id_, seen in found.items()
            if not (said.get(id_) == "accepted" or (said.get(id_) == "gone" and id_ not in fresh))
        }
        again = [id_ for id_ in asked if said.get(id_) == "gone"]
        order = [*again, *(id_ for id_ in asked if id_ not in again)]
        if order:
            yield _question(name, order, asked, frozenset(again), facts.past_runs)
        if accepted := [id_ for id_ in found if said.get(id_) == "accepted"]:
            yield Note(text=tr("accepted in this run: {rules}", rules=joined(", ", accepted)))
        if not found and facts.past_runs and all(run.begun and run.collections for run in facts.past_runs):
            yield Note(text=tr("the rules found nothing in what was collected; that proves nothing by itself"))


def _by_rule(runs: Sequence[PastRun], least: Severity) -> Mapping[str, list[PastFinding]]:
    """Return the findings by rule, the worst rule first."""
    found: dict[str, list[PastFinding]] = {}
    for run in runs:
        for finding in run.findings:
            if SEVERITIES.index(finding.severity) <= SEVERITIES.index(least):
                found.setdefault(finding.id, []).append(finding)
    return dict(sorted(found.items(), key=lambda item: SEVERITIES.index(item[1][0].severity)))


def _looked_for(said: Mapping[str, str], fresh: set[str]) -> Iterator[Note]:
    gone = [id_ for id_, word in said.items() if word == "gone" and id_ not in fresh]
    if gone:
        yield Note(text=tr("looked for by name, and not seen in the fresh look: {rules}", rules=joined(", ", gone)))


def _question(
    name: str,
    order: Sequence[str],
    asked: Mapping[str, Sequence[PastFinding]],
    again: frozenset[str],
    runs: Sequence[PastRun],
) -> Question:
    last = runs[-1].run if runs[-1].run != THIS else "last"
    lines: list[str] = [tr("In full: {command}", command=f"stopgap evidence findings {last}")]
    for number, id_ in enumerate(order, 1):
        seen = asked[id_]
        lines.append(
            tr(
                "{number}  {severity}  {title}  [{id}]",
                number=f"{number:>3}",
                severity=severity_text(seen[0].severity),
                title=seen[0].title,
                id=id_,
            )
        )
        if id_ in again:
            lines.append(tr("     called gone in this run, and seen again since"))
        lines += [
            tr("     {number} in {step}, first {first}", number=s.count, step=s.step, first=s.first) for s in seen
        ]
    return Question(
        text=trn(
            "1 finding on {host}: is it gone, or does it stay?",
            "{count} findings on {host}: which are gone, and which stay?",
            len(order),
            host=name,
        ),
        reason=joined("\n", [*lines, *_words()]),
        type="decisions",
        items=tuple(order),
    )


def _words() -> tuple[str, ...]:
    return (
        tr("gone: it was removed, and somebody has seen that it is gone."),
        tr("accepted: it stays, and you say why."),
        tr("open: not settled; the run ends here, and `stopgap resume` asks again."),
    )

"""findings.review: a decision for each finding before the host returns to service."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.past_runs import THIS, PastFinding, PastRun
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.severity import SEVERITIES, Severity, severity_text
from stopgap.orchestrator.task import Note, Past, Planned, Probe, Task
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.recovery.runs import RunsFacts, RunsParams


class FindingsReviewParams(RunsParams):
    """Runs, and the least severity to review."""

    least: Severity = Field("high", description="The least severity with a review.")


class FindingsReviewFacts(RunsFacts):
    """Past runs, and the answers recorded in the current run."""

    this: tuple[PastRun, ...] = ()


class FindingsReview(Task[FindingsReviewParams, FindingsReviewFacts]):
    """Ask of each finding whether it was resolved, or is accepted; who answered what is on record.

    The answer `open` ends the run: resolve the finding, then resume. A rule found in several collections gets one
    question. A finding accepted in the current run gets no second question; a resolved finding still present in new
    evidence of the current run does.
    """

    name = "findings.review"
    vantages = ("controller",)
    may_ask = True

    def probe(self, params: FindingsReviewParams, scene: Scene) -> Probe:
        """Ask the journal."""
        return {"past_runs": Past(params.runs), "this": Past((THIS,))}

    def plan(self, params: FindingsReviewParams, facts: FindingsReviewFacts, scene: Scene) -> Iterator[Planned]:
        """Ask about each, the worst first."""
        least = SEVERITIES.index(params.least)
        by_rule: dict[str, list[PastFinding]] = {}
        said = {each.question: each.answer for run in facts.this for each in run.answers}
        own = {run.run for run in facts.this}
        fresh = {finding.id for run in facts.past_runs if run.run in own for finding in run.findings}
        for run in facts.past_runs:
            for finding in run.findings:
                by_rule.setdefault(finding.id, []).append(finding)
        asked = {id_: seen for id_, seen in by_rule.items() if SEVERITIES.index(seen[0].severity) <= least}
        for id_, seen in sorted(asked.items(), key=lambda item: SEVERITIES.index(item[1][0].severity)):
            text = tr(
                "{id} ({severity}): {title}: resolved, or accepted?",
                id=id_,
                severity=severity_text(seen[0].severity),
                title=seen[0].title,
            )
            if said.get(text) == "accepted" or (said.get(text) == "resolved" and id_ not in fresh):
                yield Note(
                    text=tr("{id}: accepted", id=id_) if said[text] == "accepted" else tr("{id}: resolved", id=id_)
                )
                continue
            yield Question(
                text=text,
                reason=joined(
                    "\n",
                    (tr("{count} in {step}, first {first}", count=s.count, step=s.step, first=s.first) for s in seen),
                ),
                type="choice",
                choices=("resolved", "accepted", "open"),
                refusing=("open",),
            )
        if left := len(by_rule) - len(asked):
            yield Note(
                text=tr(
                    "{left} findings below `{least}` are not asked about; the report lists them",
                    left=left,
                    least=params.least,
                )
            )
        if not by_rule and all(run.begun for run in facts.past_runs):
            yield Note(text=tr("the rules found nothing in what was collected; that proves nothing by itself"))

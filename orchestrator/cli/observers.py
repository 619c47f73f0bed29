"""What watches a run for the operator: lines for a person, or one JSON object a line for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from stopgap.orchestrator.cli import steps
from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.journal.records import (
    AnyRecord,
    Asked,
    ChangeIntended,
    CheckJudged,
    RunFinished,
    RunStarted,
    StepFinished,
    UndoMade,
)
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.run.conduct import Conclusion
from stopgap.orchestrator.secret import redact_tree

if TYPE_CHECKING:
    from stopgap.orchestrator.run.arrival import Progress


class Lines:
    """Writes what happens as lines, each step when it has ended; the plan before, where a person will be asked."""

    def __init__(self, screen: Screen, title: str, *, asks: bool, full: bool = False) -> None:
        self._full = full
        self._screen = screen
        self._title = title
        self._asks = asks
        self._brief = False
        self._steps: dict[tuple[str, str], PlannedStep] = {}
        self._judged: dict[tuple[str, str], list[CheckJudged]] = {}
        self._target = ""
        self._collecting: dict[tuple[str, str], str] = {}

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Show the plan of a dry run, and the one that a person is to agree to."""
        steps.show_heading(self._screen, self._title, "dry run" if dry_run else f"plan {plan.digest[:8]}")
        if dry_run or self._asks or plan.refusals:
            steps.show_plan(self._screen, plan, full=self._full)
            self._brief = True
        if dry_run or self._asks:
            show_plan_summary(self._screen, plan, dry_run=dry_run)

    def beginning(self, step: PlannedStep) -> None:
        """Remember the step, to show it when it has ended."""
        self._steps[step.key, step.target.name] = step

    def recorded(self, run: str, record: AnyRecord) -> None:
        """Show a step that has ended; and what was taken back."""
        if isinstance(record, StepFinished) and (record.step, record.target) in self._collecting:
            del self._collecting[record.step, record.target]
            self._screen.status("  ".join(self._collecting.values()))
        elif isinstance(record, Asked | RunFinished):
            self._screen.status("")
        if isinstance(record, CheckJudged):
            self._judged.setdefault((record.step, record.target), []).append(record)
        elif isinstance(record, Asked):
            self._screen.line(f"     asks   {record.question.text} [{record.question.expected}]")
            self._screen.line(f"            stopgap answer {run} {record.step} VALUE", "quiet")
        elif isinstance(record, StepFinished):
            self._finished(record)
        elif isinstance(record, UndoMade):
            self._screen.line(
                f"     undo   {record.step} {record.index}: {record.outcome} {record.reason}".rstrip(),
                "" if record.outcome == "undone" else "bad",
            )

    def progressed(self, step: PlannedStep, progress: Progress) -> None:
        """Show how far it has come, all hosts on one line below the others."""
        self._collecting[step.key, step.target.name] = steps.progress_line(step, progress)
        self._screen.status("  ".join(self._collecting.values()))

    def _finished(self, record: StepFinished) -> None:
        place = (record.step, record.target)
        step = self._steps.get(place)
        if step is None:
            return
        if self._target != record.target and not self._brief:
            self._target = record.target
            steps.show_target(self._screen, step.target, step.scene)
        judged = self._judged.pop(place, [])
        steps.show_finished(self._screen, step, record, judged, brief=self._brief, full=self._full)


class JsonLines:
    """Writes one JSON object a line on standard output, and nothing else."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._steps: dict[tuple[str, str], PlannedStep] = {}

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Write the plan, an event a step."""
        for step in plan.steps:
            self._write(
                {
                    "event": "step-planned",
                    "run": None,
                    **_place(step),
                    "dry_run": dry_run,
                    "outcome": step.outcome,
                    "reason": step.reason,
                    "changes": [
                        {
                            "do": c.describe(),
                            "preview": c.preview(),
                            "undo": c.describe_undo(),
                            "lifeline": getattr(c, "lifeline", None),
                        }
                        for c in step.ordered()
                    ],
                    "collects": sum(len(c.artifacts) for c in step.collections),
                    "lifts": [lifting.model_dump(mode="json") for lifting in step.liftings],
                    "messages": [
                        {"to": m.to, "way": m.route.describe(), "subject": m.subject, "text": m.text}
                        for m in step.messages
                    ],
                    "asks": [q.text for q in step.questions],
                    "notes": [n.text for n in step.notes],
                    "gaps": [g.text for g in step.gaps],
                    "checks": [{"eye": c.eye, "about": c.describe()} for c in step.checks],
                }
            )
        self._write({"event": "plan-made", "run": None, "plan_digest": plan.digest, "changes": plan.changes})

    def beginning(self, step: PlannedStep) -> None:
        """Remember the step, to name its task."""
        self._steps[step.key, step.target.name] = step

    def recorded(self, run: str, record: AnyRecord) -> None:
        """Write a record as an event; the end of the run is written by `finished`, with more in it."""
        if isinstance(record, RunFinished):
            return
        event: dict[str, Any] = {"event": record.kind, "run": run}
        if isinstance(record, RunStarted):
            event |= {"runbook": record.runbook_name, "targets": list(record.targets)}
        elif isinstance(record, ChangeIntended):
            event |= record.model_dump(mode="json", exclude={"kind", "change"})
            event |= {"do": record.change.describe(), "undo": record.change.describe_undo()}
        else:
            event |= record.model_dump(mode="json", exclude={"kind"})
        if isinstance(record, StepFinished) and (step := self._steps.get((record.step, record.target))):
            event["task"] = step.step.task
        self._write(event)

    def progressed(self, step: PlannedStep, progress: Progress) -> None:
        """Write nothing: what came of it is told at its end."""

    def finished(self, conclusion: Conclusion) -> None:
        """Write the last line."""
        self._write(
            {
                "event": "run-finished",
                "run": conclusion.run,
                "outcome": conclusion.outcome,
                "exit_code": conclusion.exit_code,
                "reason": conclusion.refusal,
                "steps": [{**_place(s), "outcome": outcome, "reason": why} for s, outcome, why in conclusion.steps],
                "containment": dict(conclusion.containment),
                "plan_digest": conclusion.plan.digest,
                "report": str(conclusion.report) if conclusion.report else None,
            }
        )

    def _write(self, event: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(redact_tree(event)) + "\n")
        self._stream.flush()


def show_plan_summary(screen: Screen, plan: Plan, *, dry_run: bool) -> None:
    """Sum the plan up in one line."""
    screen.line()
    hosts = f"{len(plan.hosts)} host{'' if len(plan.hosts) == 1 else 's'}"
    changes = f"{plan.changes} change{'' if plan.changes == 1 else 's'}"
    what = f"{changes} on {hosts}" if plan.changes else "no changes"
    what += f", {plan.messages} message{'' if plan.messages == 1 else 's'}" if plan.messages else ""
    screen.line(f"Plan {plan.digest[:8]}: {what}.{' Nothing was written.' if dry_run else ''}", "title")


def _place(step: PlannedStep) -> dict[str, Any]:
    return {
        "step": step.key,
        "target": step.target.name,
        "host": step.on.name if step.on else step.target.name,
        "task": step.step.task,
    }

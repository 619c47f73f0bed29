"""Events of a run as JSON objects: `run --json` writes one a line, and `on_event` of `stopgap.run` gets each.

`undo`, `resume` and `watch` give events of the same schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.documents import envelope
from stopgap.orchestrator.documents.run import change_object
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.records import AnyRecord, ChangeIntended, RunFinished, RunStarted, StepFinished
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.secret import redact_tree

if TYPE_CHECKING:
    from stopgap.orchestrator.run.evidence_stream import Progress
    from stopgap.orchestrator.run.runner import RunResult
    from stopgap.orchestrator.run.undo_run import UndoResult

OnEvent = Callable[[Mapping[str, Any]], None]


class EventObserver:
    """Turns observations of a run into events and passes each event to a function, with secrets redacted."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._steps: dict[tuple[str, str], PlannedStep] = {}

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Emit `step-planned` for each step, then `plan-made`."""
        for step in plan.steps:
            self._emit("step-planned", None, {**_place(step), "dry_run": dry_run, **_content(step)})
        self._emit("plan-made", None, {"plan_digest": plan.digest, "changes": plan.changes})

    def beginning(self, step: PlannedStep) -> None:
        """Remember the step, to name the step's task at the end of the step."""
        self._steps[step.key, step.target.name] = step

    def recorded(self, run: str, record: AnyRecord, at: datetime | None = None) -> None:
        """Emit a journal record; the end of the run is left to `finished`, with more detail.

        `at`: when the record was written, by default now.
        """
        if isinstance(record, RunFinished):
            return
        if isinstance(record, RunStarted):
            fields = {"runbook": record.runbook_name, "targets": list(record.targets)}
        elif isinstance(record, ChangeIntended):
            fields = record.model_dump(mode="json", exclude={"kind", "change"})
            fields |= {"do": record.change.describe(), "undo": record.change.describe_undo()}
        else:
            fields = record.model_dump(mode="json", exclude={"kind"})
        if isinstance(record, StepFinished) and (step := self._steps.get((record.step, record.target))):
            fields["task"] = step.step.task
        self._emit(record.kind, run, fields, at)

    def progressed(self, step: PlannedStep, progress: Progress) -> None:
        """Emit nothing: the end of a collection reports the collected bytes."""

    def finished(self, conclusion: RunResult) -> None:
        """Emit `run-finished`, the last event."""
        steps = [{**_place(s), "outcome": outcome, "reason": why} for s, outcome, why in conclusion.steps]
        fields = {
            "outcome": conclusion.outcome,
            "exit_code": conclusion.exit_code,
            "reason": conclusion.refusal,
            "steps": steps,
            "containment": dict(conclusion.containment),
            "plan_digest": conclusion.plan.digest,
            "report": str(conclusion.report) if conclusion.report else None,
        }
        self._emit("run-finished", conclusion.run, fields)

    def ended(self, history: History) -> None:
        """Emit `run-finished` from the records of a finished run; an interrupted run has no `exit_code`."""
        steps = [
            {
                "step": step.step,
                "target": step.target,
                "host": step.host,
                "task": step.task,
                "outcome": step.outcome,
                "reason": step.reason,
            }
            for step in history.steps
        ]
        fields = {
            "outcome": history.state,
            "exit_code": history.finished.exit_code if history.finished else None,
            "reason": "",
            "steps": steps,
            "containment": {cut.target: cut.verdict for cut in history.containment},
            "plan_digest": history.plan.digest if history.plan else None,
            "report": None,
        }
        self._emit("run-finished", history.run, fields, history.finished_at)

    def undo_finished(self, result: UndoResult) -> None:
        """Emit `undo-finished`, the last event of an undo."""
        made = {(one.step, one.target, one.index): one for one in result.made}
        changes = []
        for change in result.changes:
            one = made.get((change.step, change.target, change.index))
            changes.append(
                {
                    "step": change.step,
                    "target": change.target,
                    "host": change.host,
                    "index": change.index,
                    "undo": change.change.describe_undo(),
                    "outcome": one.outcome if one else None,
                    "reason": one.reason if one else "",
                }
            )
        fields = {
            "outcome": result.outcome,
            "exit_code": result.exit_code,
            "reason": result.refusal,
            "undone": result.undone,
            "changes": changes,
            "unreachable": dict(result.unreachable),
            "in_force": [change_object(change) for change in result.in_force],
            "report": str(result.report) if result.report else None,
        }
        self._emit("undo-finished", result.run, fields)

    def _emit(self, event: str, run: str | None, fields: Mapping[str, Any], at: datetime | None = None) -> None:
        self._on_event(redact_tree({"event": event, **envelope("event", at), "run": run, **fields}))


def _second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _place(step: PlannedStep) -> dict[str, Any]:
    return {
        "step": step.key,
        "target": step.target.name,
        "host": step.on.name if step.on else step.target.name,
        "task": step.step.task,
    }


def _content(step: PlannedStep) -> dict[str, Any]:
    return {
        "outcome": step.outcome,
        "reason": step.reason,
        "changes": [
            {
                "do": change.describe(),
                "preview": change.preview(),
                "undo": change.describe_undo(),
                "rollback_timer": change.rollback_timer,
            }
            for change in step.ordered()
        ],
        "collects": sum(len(collection.artifacts) for collection in step.collections),
        "lifts": [undo_request.model_dump(mode="json") for undo_request in step.undo_requests],
        "messages": [
            {"to": m.to, "way": m.route.describe(), "subject": m.subject, "text": m.text} for m in step.messages
        ],
        "asks": [question.text for question in step.questions],
        "notes": [note.dated(datetime.now(UTC), _second) for note in step.notes],
        "gaps": [gap.text for gap in step.gaps],
        "checks": [{"vantage": check.vantage, "about": check.describe()} for check in step.checks],
    }

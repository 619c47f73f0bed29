"""Events of a run as JSON objects: `run --json` writes one a line, and `on_event` of `stopgap.run` gets each.

`undo`, `resume` and `watch` give events of the same schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.documents.event import RunEvents, ended_fields, event
from stopgap.orchestrator.documents.event_words import ended_words, severity_of_run, severity_of_step
from stopgap.orchestrator.documents.run import change_object
from stopgap.orchestrator.journal import Entry, History, JournalError, open_journal_to_read
from stopgap.orchestrator.journal.records import RunFinished
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.text import joined, tr, trn

if TYPE_CHECKING:
    from stopgap.orchestrator.run.evidence_stream import Progress
    from stopgap.orchestrator.run.result import RunResult
    from stopgap.orchestrator.run.undo_run import UndoResult

OnEvent = Callable[[Mapping[str, Any]], None]


class EventObserver:
    """Turns observations of a run into events and passes each event to a function, with secrets redacted."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._runs: dict[str, RunEvents] = {}
        self._ended: Entry | None = None

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Emit `step-planned` for each step, then `plan-made`."""
        for step in plan.steps:
            place, content = _place(step), _content(step)
            self._on_event(
                event(
                    "step-planned",
                    severity_of_step(step.outcome.as_ended()),
                    joined(": ", filter(None, (step.outcome, step.reason))),
                    host=place["host"],
                    step=place["step"],
                    target=place["target"],
                    fields={"task": place["task"], "dry_run": dry_run, **content},
                )
            )
        changes = trn("{count} change", "{count} changes", plan.changes)
        summary = tr("plan {digest}: {changes}", digest=plan.digest[:8], changes=changes)
        fields = {"digest": plan.digest, "changes": plan.changes, "hosts": len(plan.hosts)}
        self._on_event(event("plan-made", "info", summary, fields={**fields, "plan_digest": plan.digest}))

    def beginning(self, step: PlannedStep) -> None:
        """Emit nothing: the record of the beginning is an event."""

    def recorded(self, run: str, entry: Entry) -> None:
        """Emit a record and its notices; the end of the run is left to `finished`, with more detail."""
        events = self._events_of(run)
        if isinstance(entry.record, RunFinished):
            self._ended = entry
            for notice in events.notices(entry):
                self._on_event(notice)
            return
        for each in events.of(entry):
            self._on_event(each)

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
        words = ended_words(conclusion.outcome, conclusion.containment)
        self._end("run-finished", conclusion.run, fields, words)

    def ended(self, history: History) -> None:
        """Emit `run-finished` from the records of a finished run; an interrupted run has no `exit_code`."""
        self._ended = next((e for e in reversed(history.entries) if isinstance(e.record, RunFinished)), None)
        fields = ended_fields(history)
        self._end("run-finished", history.run, fields, ended_words(history.state, fields["containment"]))

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
        self._ended = None
        self._end("undo-finished", result.run, fields, tr("the undo has ended: {outcome}", outcome=result.outcome))

    def _end(self, name: str, run: str | None, fields: Mapping[str, Any], words: str) -> None:
        entry = self._ended
        self._on_event(
            event(
                name,
                severity_of_run(str(fields["outcome"])),
                joined(": ", filter(None, (words, fields["reason"]))),
                at=entry.at if entry else None,
                id_=f"{run}/{entry.seq}" if run and entry else None,
                run=run,
                fields=fields,
            )
        )

    def _events_of(self, run: str) -> RunEvents:
        """Return the events of a run, which know the entries of earlier processes."""
        if run not in self._runs:
            self._runs[run] = RunEvents(run, lambda: _entries(run))
        return self._runs[run]


def _entries(run: str) -> list[Entry]:
    """Return the entries of a run, as far as they can be read."""
    found: list[Entry] = []
    with suppress(JournalError), open_journal_to_read() as journal:
        found.extend(journal.records(run))
    return found


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

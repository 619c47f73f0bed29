"""Observers of a run: lines for a person, or JSON lines for a program."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import steps
from stopgap.orchestrator.cli.screen import Screen, said
from stopgap.orchestrator.cli.words import entry, worded
from stopgap.orchestrator.journal import Entry
from stopgap.orchestrator.journal.records import (
    Answered,
    Asked,
    CheckJudged,
    RunFinished,
    StepFinished,
    StepStarted,
    UndoMade,
)
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.text import tr, trn

if TYPE_CHECKING:
    from stopgap.orchestrator.run.evidence_stream import Progress

_LONG = 60.0
"""Seconds of a watch from which its end is told at its start."""


class Lines:
    """An observer with output as lines: each step at its end, and the plan before an approval."""

    def __init__(self, screen: Screen, title: str, *, asks: bool, full: bool = False) -> None:
        self._full = full
        self._screen = screen
        self._title = title
        self._asks = asks
        self._brief = False
        self._steps: dict[tuple[str, str], PlannedStep] = {}
        self._order = Order()
        self._judged: dict[tuple[str, str], list[CheckJudged]] = {}
        self._target = ""
        self._collecting: dict[tuple[str, str], str] = {}

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Show the plan of a dry run, or before a person's approval."""
        self._order = Order(plan)
        steps.show_heading(
            self._screen, self._title, tr("dry run") if dry_run else tr("plan {digest}", digest=plan.digest[:8])
        )
        if dry_run or self._asks or plan.refusals:
            steps.show_plan(self._screen, plan, full=self._full)
            self._brief = True
        if dry_run or self._asks:
            show_plan_summary(self._screen, plan, dry_run=dry_run)

    def beginning(self, step: PlannedStep) -> None:
        """Remember the step until the end of the step."""
        self._steps[step.key, step.target.name] = step

    def recorded(self, run: str, made: Entry) -> None:
        """Show a finished step, and undone changes."""
        record = made.record
        if isinstance(record, StepFinished) and (record.step, record.target) in self._collecting:
            del self._collecting[record.step, record.target]
            self._screen.status("  ".join(self._collecting.values()))
        elif isinstance(record, Asked | RunFinished):
            self._screen.status("")
        if isinstance(record, StepStarted):
            self._say_how_long(run, record)
        if isinstance(record, CheckJudged):
            self._judged.setdefault((record.step, record.target), []).append(record)
        elif isinstance(record, Asked):
            self._screen.line(
                entry(
                    tr("asks"),
                    tr(
                        "{question} [{expected}]",
                        question=worded(record.question)[0],
                        expected=record.question.expected,
                    ),
                )
            )
            self._screen.line(
                tr(
                    "            stopgap answer {run} {step} {argument}",
                    run=run,
                    step=record.step,
                    argument=record.question.argument,
                ),
                "quiet",
            )
        elif isinstance(record, Answered):
            self._screen.line(
                entry(tr("answer"), tr("{answer}, by {by}", answer=record.answer, by=record.by)), "quiet"
            )
        elif isinstance(record, StepFinished | RunFinished):
            for each in self._order.after(record):
                self._finished(each)
        elif isinstance(record, UndoMade):
            self._screen.line(
                entry(
                    tr("undo"),
                    f"{record.step} {record.index}: {said(word_of(record.outcome))} {said(record.reason)}".rstrip(),
                ),
                "" if record.outcome == "undone" else "bad",
            )

    def progressed(self, step: PlannedStep, progress: Progress) -> None:
        """Show the progress of all hosts in one status line."""
        self._collecting[step.key, step.target.name] = steps.progress_line(step, progress)
        self._screen.status("  ".join(self._collecting.values()))

    def _say_how_long(self, run: str, record: StepStarted) -> None:
        step = self._steps.get((record.step, record.target))
        seconds = max((check.steady for check in step.checks), default=0.0) if step else 0.0
        if step is None or seconds < _LONG:
            return
        steps.show_header(self._screen, step, tr("watching"), "")
        until = steps.moment(datetime.now(UTC) + timedelta(seconds=seconds))
        self._screen.line(entry(tr("until"), tr("{until} ({span})", until=until, span=steps.span(seconds))))
        how = tr("Ctrl-C gives the terminal back; in the background: stopgap resume {run} --detach", run=run)
        self._screen.line(entry("", how), "quiet")

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


class Order:
    """Keeps the end of a step back until the steps before it have ended, for a reader who follows the runbook.

    Messages and collections beside the other steps keep nobody back.
    """

    def __init__(self, plan: Plan | None = None) -> None:
        self._numbers: dict[str, dict[str, int]] = {}
        self._open: dict[str, dict[str, int]] = {}
        self._kept: dict[str, list[StepFinished]] = {}
        for step in plan.steps if plan else ():
            self._numbers.setdefault(step.target.name, {})[step.key] = step.number
            if not step.messages and not any(collection.beside for collection in step.collections):
                self._open.setdefault(step.target.name, {})[step.key] = step.number

    def after(self, record: StepFinished | RunFinished) -> list[StepFinished]:
        """Take the end of a step, or of the run; return what can be shown now, in the order of the runbook."""
        if isinstance(record, RunFinished):
            self._open.clear()
            return [each for target in list(self._kept) for each in self._ready(target)]
        self._open.get(record.target, {}).pop(record.step, None)
        self._kept.setdefault(record.target, []).append(record)
        return self._ready(record.target)

    def _ready(self, target: str) -> list[StepFinished]:
        numbers, first_open = self._numbers.get(target, {}), min(self._open.get(target, {}).values(), default=None)
        kept = sorted(self._kept.pop(target, ()), key=lambda record: numbers.get(record.step, 0))
        ready = [r for r in kept if first_open is None or numbers.get(r.step, 0) <= first_open]
        if left := kept[len(ready) :]:
            self._kept[target] = left
        return ready


def show_plan_summary(screen: Screen, plan: Plan, *, dry_run: bool) -> None:
    """Show a summary of the plan in one line."""
    screen.line()
    hosts = trn("{count} host", "{count} hosts", len(plan.hosts))
    changes = trn("{count} change", "{count} changes", plan.changes)
    what: str = tr("{changes} on {hosts}", changes=changes, hosts=hosts) if plan.changes else tr("no changes")
    if plan.messages:
        what = tr("{what}, {messages}", what=what, messages=trn("{count} message", "{count} messages", plan.messages))
    summary = tr("Plan {digest}: {what}.", digest=plan.digest[:8], what=what)
    screen.line(tr("{summary} Nothing was written.", summary=summary) if dry_run else summary, "title")

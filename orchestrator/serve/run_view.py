"""What the page of a run tells beside its history. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.records import step_of
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.runbook import Step, parse_runbook
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.text import tr


def moves(history: History) -> bool:
    """Return True for a run that goes on, or that waits for an approval and goes on with it."""
    return history.state in {"running", "waiting"}


def steps_ahead(history: History) -> Sequence[Step]:
    """Return the steps not begun on any target; none after the end of the run, or for an unreadable runbook."""
    if history.state != "running":
        return ()
    begun = {step_of(step.step) for step in history.steps}
    return [step for step in steps_of_text(history.started.runbook_text) if step.id not in begun]


def heard(history: History) -> str:
    """Return in one sentence what a person who only hears the page has to know now."""
    if history.state == "waiting":
        return ""
    if history.state != "running":
        return tr("The run has ended: {state}", state=word_of(history.state))
    if history.waiting:
        return tr("A question waits: {question}", question=history.waiting[-1].question.text)
    if ended := [step for step in history.steps if step.outcome is not None]:
        last = max(ended, key=lambda step: step.finished or history.started_at)
        return tr("{host}, {step}: {outcome}", host=last.host, step=last.name, outcome=word_of(last.outcome or ""))
    return ""


@lru_cache(maxsize=4)
def steps_of_text(text: str) -> tuple[Step, ...]:
    """Return the steps of a runbook's text; none for a text that this version cannot read."""
    try:
        return parse_runbook(text, "").steps
    except InvalidInput:  # of another version
        return ()

"""Runs as the journal tells them: `runs --json`, `show --json`, `verify --json`, `answer --json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stopgap.orchestrator.documents.approval import approvals_object
from stopgap.orchestrator.documents.envelope import envelope, rfc3339
from stopgap.orchestrator.documents.prune import pruned_object
from stopgap.orchestrator.journal import ChangeStatus, Containment, History, RunSummary, StepStatus, Stray
from stopgap.orchestrator.journal.pruned_records import RunPruned
from stopgap.orchestrator.journal.records import Answered, Asked
from stopgap.orchestrator.journal.table import PRUNED


def runs_document(
    home: str,
    runs: Iterable[RunSummary],
    damage: Mapping[str, Sequence[str]],
    strays: Iterable[Stray],
    pruned: Iterable[RunPruned],
) -> dict[str, Any]:
    """Give the list of runs, the latest first, and the runs that were removed.

    `damage`: run → what is wrong with its journal; `pruned` there stands for the records of removed runs.
    """
    return {
        **envelope("runs"),
        "home": home,
        "runs": [
            {
                "run": run.id,
                "runbook": run.runbook,
                "targets": list(run.targets),
                "operator": run.operator,
                "state": run.state,
                "exit_code": run.exit_code,
                "started": rfc3339(run.started),
                "finished": rfc3339(run.finished),
                "damage": list(damage.get(run.id, ())),
            }
            for run in runs
        ],
        "strays": [stray_object(stray) for stray in strays],
        "pruned": [pruned_object(each) for each in pruned],
        "pruned_damage": list(damage.get(PRUNED, ())),
    }


def run_document(history: History) -> dict[str, Any]:
    """Give one run whole: its steps, changes, checks, messages, evidence, findings and verdicts."""
    plan = history.plan
    return {
        **envelope("run", history.as_of),
        **run_object(history),
        "runbook_path": history.started.runbook_path,
        "inventory_path": history.started.inventory_path,
        "stopgap": history.started.version,
        "plan": {"digest": plan.digest, "changes": plan.changes, "hosts": plan.hosts} if plan else None,
        "requester": history.requester,
        "approval": approvals_object(history),
        "steps": [_step(step) for step in history.steps],
        "changes": [change_object(change) for change in history.changes],
        "checks": [check.model_dump(mode="json", exclude={"kind"}) for check in history.checks],
        "messages": [
            {
                "step": message.step,
                "target": message.target,
                "about": message.about,
                "to": message.to,
                "way": message.way,
                "subject": message.subject,
                "state": message.state,
                "detail": message.detail,
                "at": rfc3339(message.at),
            }
            for message in history.messages
        ],
        "questions": [question_object(asked) for asked in history.waiting],
        "answers": [answer_object(answered) for answered in history.answers],
        "evidence": [kept.model_dump(mode="json", exclude={"kind"}) for kept in history.evidence],
        "findings": [made.model_dump(mode="json", exclude={"kind"}) for made in history.findings_now()],
        "unreachable": dict(history.unreachable),
        "containment": [_containment(cut) for cut in history.containment],
        "in_force": len(history.in_force()),
        "undoable": len(history.undoable()),
    }


def run_object(history: History) -> dict[str, Any]:
    """Give what names a run, and what is wrong with its records."""
    return {
        "run": history.run,
        "runbook": history.started.runbook_name,
        "targets": list(history.started.targets),
        "operator": history.started.operator,
        "incident": history.started.incident or None,
        "state": history.state,
        "exit_code": history.finished.exit_code if history.finished else None,
        "started": rfc3339(history.started_at),
        "finished": rfc3339(history.finished_at),
        "damage": list(history.damage),
        "unsigned": list(history.unsigned),
    }


def change_object(change: ChangeStatus) -> dict[str, Any]:
    """Return one change as JSON: description, undo, state and times."""
    return {
        "step": change.step,
        "target": change.target,
        "host": change.host,
        "index": change.index,
        "do": change.change.describe(),
        "undo": change.change.describe_undo(),
        "state": change.state,
        "reason": change.reason,
        "in_force": change.stands,
        "intended": rfc3339(change.intended),
        "made": rfc3339(change.made),
        "undone": rfc3339(change.undone),
        "ends": rfc3339(change.ends),
        "due": rfc3339(change.due),
        "expired": change.expired,
        "goes_back": rfc3339(change.goes_back),
    }


def verification_document(what: str, run: str | None, problems: Sequence[str]) -> dict[str, Any]:
    """Give what a verification of a run, a folder or an archive has found. `run`: None for files."""
    return {**envelope("verification"), "what": what, "run": run, "valid": not problems, "problems": list(problems)}


def questions_document(run: str, waiting: Iterable[Asked], answered: Iterable[Answered] = ()) -> dict[str, Any]:
    """Give what a run asks, and what was answered just now."""
    return {
        **envelope("questions"),
        "run": run,
        "questions": [question_object(asked) for asked in waiting],
        "answers": [answer_object(answer) for answer in answered],
    }


def question_object(asked: Asked) -> dict[str, Any]:
    """Give one question that waits, with the words that an answer may have."""
    question = asked.question
    return {
        "step": asked.step,
        "target": asked.target,
        "question": question.text,
        "reason": question.reason,
        "expected": question.expected,
        "default": question.default,
        "timeout_seconds": question.timeout,
    }


def answer_object(answered: Answered) -> dict[str, Any]:
    """Give one answer, with who gave it."""
    return answered.model_dump(mode="json", exclude={"kind"})


def stray_object(stray: Stray) -> dict[str, Any]:
    """Give a run of which journal and folders say different things."""
    return {"run": stray.run, "folder": str(stray.folder), "lacks": stray.lacks, "message": str(stray)}


def _step(step: StepStatus) -> dict[str, Any]:
    return {
        "step": step.step,
        "name": step.name,
        "task": step.task,
        "target": step.target,
        "host": step.host,
        "outcome": step.outcome,
        "reason": step.reason,
        "seconds": step.seconds,
        "started": rfc3339(step.started),
        "finished": rfc3339(step.finished),
        "notes": list(step.notes),
        "gaps": list(step.gaps),
    }


def _containment(cut: Containment) -> dict[str, Any]:
    return {
        "target": cut.target,
        "verdict": cut.verdict,
        "cut_at": rfc3339(cut.cut_at),
        "proved_at": rfc3339(cut.proved_at),
        "proofs": len(cut.proofs),
        "in_force": cut.in_force,
        "until": rfc3339(cut.until),
    }

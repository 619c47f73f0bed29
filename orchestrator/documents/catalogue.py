"""What there is to write with, and what was written: `tasks`, `init`, `trust`, `request`, `journal import`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stopgap.orchestrator.documents.envelope import envelope
from stopgap.orchestrator.documents.run import run_object
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.merged import Merged
from stopgap.orchestrator.remote.driver_check import Checked
from stopgap.orchestrator.secret.agreement import NamedCommand
from stopgap.orchestrator.task import Task


def tasks_document(tasks: Mapping[str, Task[Any, Any]], origins: Mapping[str, str]) -> dict[str, Any]:
    """Give every task with one line about what the task does; `origins`: of the tasks of plug-ins."""
    return {
        **envelope("tasks"),
        "tasks": [
            {
                "name": name,
                "summary": _about(task).partition("\n")[0],
                "on": list(task.vantages),
                "origin": origins.get(name),
            }
            for name, task in tasks.items()
        ],
    }


def task_document(task: Task[Any, Any], origin: str | None) -> dict[str, Any]:
    """Return one task as JSON: description, vantages, and the parameters as a JSON Schema; `origin`: of a plug-in."""
    about = _about(task)
    return {
        **envelope("task"),
        "name": task.name,
        "summary": about.partition("\n")[0],
        "description": about,
        "on": list(task.vantages),
        "origin": origin,
        "params": task.Params.model_json_schema(),
        "appendix": list(task.appendix()),
    }


def written_document(schema: str, written: Iterable[Path], left: Iterable[Path] = ()) -> dict[str, Any]:
    """Give the files that a command wrote, and those that were there already and were left alone."""
    return {**envelope(schema), "written": [str(path) for path in written], "left": [str(path) for path in left]}


def trust_document(commands: Sequence[NamedCommand], *, agreed: bool) -> dict[str, Any]:
    """Give the commands that files name, and whether these may run now."""
    return {
        **envelope("trust"),
        "commands": [{"place": command.place, "command": command.words} for command in commands],
        "agreed": agreed,
    }


def driver_check_document(program: str, seen: Sequence[Checked]) -> dict[str, Any]:
    """Give the points of the protocol, and whether each holds."""
    return {
        **envelope("driver-check"),
        "program": program,
        "points": [{"point": each.name, "holds": each.holds, "seen": each.seen} for each in seen],
        "holds": all(each.holds for each in seen),
    }


def import_document(history: History, *, records: int, missing: int) -> dict[str, Any]:
    """Give a run that was brought back, and how many of its records the journal lacked."""
    return {
        **envelope("import"),
        **run_object(history),
        "records": records,
        "records_missing": missing,
        "in_force": len(history.in_force()),
    }


def installed_document(journal: str, before: int, after: int) -> dict[str, Any]:
    """Give where a team's journal is, and the version of its schema before and after."""
    return {**envelope("install"), "journal": journal, "before": before, "after": after}


def merged_document(merged: Iterable[Merged]) -> dict[str, Any]:
    """Give the runs that a machine brought into a team's journal, with the number of records."""
    return {
        **envelope("merge"),
        "runs": [{"run": each.chain, "records": each.records, "forked": each.forked} for each in merged],
    }


def _about(task: Task[Any, Any]) -> str:
    return inspect.getdoc(type(task)) or ""


def exported_document(form: str, path: Path, losses: Iterable[str]) -> dict[str, Any]:
    """Give what `stopgap export` wrote: `format`, `path`, and what the format or the reader loses."""
    return {**envelope("exported"), "format": form, "path": str(path), "lost": list(losses)}


def alert_document(
    system: str, url: str, made: tuple[str, str, int] | None, requests: Sequence[Mapping[str, Any]], left_out: int
) -> dict[str, Any]:
    """Give an alert of a case system. `made`: its id, state and the indicators sent; None for a dry run."""
    return {
        **envelope("alert"),
        "format": system,
        "url": url,
        "id": made[0] if made else None,
        "state": made[1] if made else "not-sent",
        "indicators": made[2] if made else 0,
        "left_out": left_out,
        "requests": list(requests),
    }


def imported_document(
    path: Path, steps: int, dropped: Iterable[str], warnings: Iterable[str], problems: Iterable[str]
) -> dict[str, Any]:
    """Give the runbook that `stopgap import` wrote, what was left out, and what `check` says of it."""
    made = {"path": str(path), "steps": steps, "dropped": list(dropped), "warnings": list(warnings)}
    return {**envelope("imported"), **made, "problems": list(problems)}

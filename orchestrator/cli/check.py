"""check: validate runbooks, an inventory and the options of a run, offline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.pairs import pairs
from stopgap.orchestrator.cli.sarif import sarif_log
from stopgap.orchestrator.cli.screen import said
from stopgap.orchestrator.documents import envelope
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.run.examine import Examination, Examined, Need, examine
from stopgap.orchestrator.source import InvalidInput, Problem
from stopgap.orchestrator.text import tr, trn

MOST_NOTES = 20
"""Notes that the text shows."""


@dataclass(frozen=True)
class CheckOptions:
    """The options of `stopgap check`."""

    runbooks: tuple[str, ...]
    inventories: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    limit: tuple[str, ...] | None = None
    """Names and patterns of --limit-file."""
    params: tuple[str, ...] = ()
    """As typed: KEY=VALUE."""
    format: Literal["text", "json", "sarif"] = "text"


def check(options: CheckOptions) -> int:
    """Validate the files offline; return exit code 0 valid, 2 invalid, 4 refused by a guard."""
    try:
        examination = examine(
            options.runbooks, options.inventories, options.targets, pairs(options.params), options.limit
        )
    except InvalidInput as error:
        examination = Examination((), error.problems, ())
    if options.format == "text":
        _tell(examination)
    else:
        made = sarif_log(examination) if options.format == "sarif" else document(examination)
        print_document(made)
    return examination.exit_code


def document(examination: Examination) -> dict[str, Any]:
    """Return the result as JSON document."""
    return {
        **envelope("check"),
        "valid": not examination.problems,
        "runbooks": [
            {
                "path": runbook.path,
                "name": runbook.name,
                "steps": runbook.steps,
                "targets": list(runbook.tried_on),
                "valid": not runbook.problems,
                "needs": [{"param": n.name, "type": n.type, "expected": n.about.expected} for n in runbook.needs],
            }
            for runbook in examination.runbooks
        ],
        "problems": [_problem(problem) for problem in examination.problems],
        "notes": [_problem(note) for note in examination.notes],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "source": problem.source,
        "line": problem.position.line if problem.position else None,
        "column": problem.position.column if problem.position else None,
        "message": problem.message,
        "expected": problem.expected,
        "hint": problem.hint,
        "refused": problem.refused,
    }


def _tell(examination: Examination) -> None:
    screen, problems = screens.out(), screens.err()
    for problem in examination.problems:
        for number, line in enumerate(problem.lines):
            problems.line(line, "bad" if number == 0 else "")
    for note in examination.notes[:MOST_NOTES]:
        for number, line in enumerate(note.lines):
            problems.line(tr("note: {line}", line=line) if number == 0 else line, "warn" if number == 0 else "")
    if (more := len(examination.notes) - MOST_NOTES) > 0:
        problems.line(tr("note: and {more} more; --format json lists all", more=more), "warn")
    for runbook in examination.runbooks:
        if not runbook.problems and not examination.shared:
            _show_valid(screen, runbook)
    if count := len(examination.problems):
        problems.line(
            trn(
                "{count} problem. Nothing was contacted.",
                "{count} problems. Nothing was contacted.",
                count,
            )
        )


def _show_valid(screen: screens.Screen, runbook: Examined) -> None:
    where = (
        tr(" on {tried_on}", tried_on=shortened(runbook.tried_on))
        if runbook.tried_on
        else tr(", without an inventory")
    )
    screen.line(
        tr(
            "{runbook}: {steps}{where}, valid. Nothing was contacted.",
            runbook=runbook.name,
            steps=trn("{count} step", "{count} steps", runbook.steps),
            where=where,
        )
    )
    if runbook.needs:
        screen.line(tr("  a run needs {needs}", needs=" ".join(f"-p {need.name}=…" for need in runbook.needs)))
        for need in runbook.needs:
            screen.line(f"    {need.name}: {said(_about(need))}", "quiet")


def _about(need: Need) -> str:
    return (
        tr("{expected}; {hint}", expected=need.about.expected, hint=need.about.hint)
        if need.about.hint
        else str(need.about.expected)
    )

"""Results of `check` as SARIF 2.1.0 (OASIS), for code hosting and editors."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from stopgap.orchestrator import __version__
from stopgap.orchestrator.run.examine import Examination
from stopgap.orchestrator.source import Problem

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = {
    "invalid": ("error", "The file cannot be used as it is written."),
    "refused": ("error", "The text is sound, and a guard says no to what it asks."),
    "needed": ("note", "A run has to be given this parameter."),
    "noted": ("warning", "This makes nothing invalid, and should be known."),
}


def sarif_log(examination: Examination) -> dict[str, Any]:
    """Return the log: a result for each problem, each note, and each parameter needed by a run."""
    results = [_result("refused" if problem.refused else "invalid", problem) for problem in examination.problems]
    results += [_result("needed", need.about) for runbook in examination.runbooks for need in runbook.needs]
    results += [_result("noted", note) for note in examination.notes]
    rules = [
        {"id": name, "shortDescription": {"text": about}, "defaultConfiguration": {"level": level}}
        for name, (level, about) in _RULES.items()
    ]
    driver = {"name": "stopgap", "semanticVersion": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(rule: str, problem: Problem) -> dict[str, Any]:
    parts = [problem.message]
    parts += [f"expected {problem.expected}"] if problem.expected else []
    parts += [problem.hint] if problem.hint else []
    option = problem.source if problem.source.startswith("-") else ""
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": list(_RULES).index(rule),
        "level": _RULES[rule][0],
        "message": {"text": (f"{option}: " if option else "") + "; ".join(parts)},
    }
    if not option:
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.source)}}
        if problem.position:
            place["region"] = {"startLine": problem.position.line, "startColumn": problem.position.column}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _uri(path: str) -> str:
    return Path(path).as_uri() if Path(path).is_absolute() else quote(Path(path).as_posix())

"""Tries a rule on the examples that the rule itself holds: `tests: {matches, spares}`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stopgap.orchestrator.findings import Rule, judge
from stopgap.orchestrator.findings.table import tables
from stopgap.testing.collections import collected


def rule_faults(rule: Rule, folder: Path) -> list[str]:
    """Evaluate a rule on the rule's examples, and return each failed example as one line.

    `folder`: an empty folder for the examples, written as collections of evidence.

    >>> import tempfile
    >>> from stopgap.orchestrator.findings import rules_in_force
    >>> with tempfile.TemporaryDirectory() as empty:
    ...     rule_faults(rules_in_force()[0], Path(empty))
    []
    """
    faults = []
    for kind, examples, wanted in (("matches", rule.tests.matches, 1), ("spares", rule.tests.spares, 0)):
        for number, example in enumerate(examples):
            faults += _faults(rule, example, wanted, folder / f"{kind}-{number}", f"{rule.id}: {kind}[{number}]")
    return faults


def _faults(rule: Rule, example: dict[str, Any], wanted: int, folder: Path, place: str) -> list[str]:
    known = tables()
    needed = [
        artifact for name in (rule.table, *(join.table for join in rule.joins())) for artifact in known[name].reads
    ]
    found = judge(collected(folder, example, tuple(dict.fromkeys(needed))), [rule])
    faults = [f"{place}: could not be looked at: {missed.reason}" for missed in found.not_looked]
    if len(found.findings) != wanted:
        faults.append(f"{place}: {'nothing was found' if wanted else 'something was found'} in {example!r}")
    return faults

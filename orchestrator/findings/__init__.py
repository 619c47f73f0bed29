"""Findings of a collection: tables read from items, rules as data, and the rules' matches."""

from stopgap.orchestrator.findings.judge import judge
from stopgap.orchestrator.findings.loading import load_rules, rules_in_force, shipped_rules
from stopgap.orchestrator.findings.model import Finding, Findings, Sighting
from stopgap.orchestrator.findings.rule import Rule

__all__ = [
    "Finding",
    "Findings",
    "Rule",
    "Sighting",
    "judge",
    "load_rules",
    "rules_in_force",
    "shipped_rules",
]

"""What a collection means: tables read from its items, rules that are data, and what they find."""

from orchestrator.findings.judge import judge
from orchestrator.findings.loading import load_rules, shipped_rules
from orchestrator.findings.model import Finding, Findings, Sighting
from orchestrator.findings.rule import Rule

__all__ = [
    "Finding",
    "Findings",
    "Rule",
    "Sighting",
    "judge",
    "load_rules",
    "shipped_rules",
]

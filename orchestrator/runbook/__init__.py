"""What to do about an incident: read, checked without contacting anything, and given its values step by step."""

from orchestrator.runbook.binding import bind
from orchestrator.runbook.checking import check, prepare
from orchestrator.runbook.confidential import reveal_secrets
from orchestrator.runbook.duration import format_duration, parse_duration
from orchestrator.runbook.loading import load_runbook, parse_runbook
from orchestrator.runbook.rendering import NO_ITEM, applies, items, render, vantage_of
from orchestrator.runbook.runbook import Param, Retry, Runbook, Step, StepResult
from orchestrator.runbook.schema import schema_inventory, schema_of, schema_runbook

__all__ = [
    "NO_ITEM",
    "Param",
    "Retry",
    "Runbook",
    "Step",
    "StepResult",
    "applies",
    "bind",
    "check",
    "format_duration",
    "items",
    "load_runbook",
    "parse_duration",
    "parse_runbook",
    "prepare",
    "render",
    "reveal_secrets",
    "schema_inventory",
    "schema_of",
    "schema_runbook",
    "vantage_of",
]

"""The runbook: parsed, checked without contact to any host, and rendered step by step."""

from stopgap.orchestrator.duration import format_duration, parse_duration
from stopgap.orchestrator.runbook.binding import bind
from stopgap.orchestrator.runbook.checking import check, prepare
from stopgap.orchestrator.runbook.confidential import reveal_secrets
from stopgap.orchestrator.runbook.loading import load_runbook, parse_runbook
from stopgap.orchestrator.runbook.rendering import NO_ITEM, applies, items, render, vantage_of
from stopgap.orchestrator.runbook.runbook import Param, Retry, Runbook, Step, StepResult
from stopgap.orchestrator.runbook.schema import schema_inventory, schema_of, schema_runbook

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

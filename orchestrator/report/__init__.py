"""The report of a run: for a manager's first glance, for the one who takes it over, and for a program."""

from orchestrator.report.manual import manual
from orchestrator.report.model import Report
from orchestrator.report.render import report, schema_report

__all__ = ["Report", "manual", "report", "schema_report"]

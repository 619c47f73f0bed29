"""The report of a run: for a manager, for the next operator, and for programs."""

from stopgap.orchestrator.report.model import Report
from stopgap.orchestrator.report.render import PAGE, in_form, renamed, report, schema_report

__all__ = ["PAGE", "Report", "in_form", "renamed", "report", "schema_report"]

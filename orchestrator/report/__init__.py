"""The report of a run: for a manager's first glance, for the one who takes it over, and for a program."""

from stopgap.orchestrator.report.model import Report
from stopgap.orchestrator.report.render import PAGE, in_form, renamed, report, schema_report

__all__ = ["PAGE", "Report", "in_form", "renamed", "report", "schema_report"]

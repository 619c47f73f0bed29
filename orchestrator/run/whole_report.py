"""One report over the runs of an order that was split by site."""

from __future__ import annotations

from stopgap.orchestrator.journal.incidents import Incident, Told
from stopgap.orchestrator.report.incident import build_incident
from stopgap.orchestrator.report.model import Report
from stopgap.orchestrator.run.whole import Whole


def whole_report(whole: Whole) -> Report:
    """Return one report over the runs of an order at several sites."""
    first = whole.runs[0]
    opened = Told(min(each.started_at for each in whole.runs), first.started.operator, "")
    name = ", ".join(each.run for each in whole.runs)
    incident = Incident(name, opened, (), None, tuple(each.run for each in whole.runs))
    built = build_incident(incident, whole.runs)
    return built.model_copy(
        update={
            "incident": None,
            "run": name,
            "title": first.started.runbook_name,
            "runbook": first.started.runbook_path,
            "inventory": first.started.inventory_path,
        }
    )

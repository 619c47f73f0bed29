"""An alert of TheHive 5, by its interface v1 (docs.strangebee.com, and the types of thehive4py 2.0)."""

from __future__ import annotations

from typing import Any

from stopgap.orchestrator.exchange.alerts.client import Asks, Shown
from stopgap.orchestrator.exchange.alerts.content import Alert, Indicator
from stopgap.orchestrator.exchange.alerts.exported import Exported
from stopgap.orchestrator.exchange.marking import Tlp
from stopgap.orchestrator.severity import Severity

_SEVERITIES: dict[Severity, int] = {"info": 1, "low": 1, "medium": 2, "high": 3, "critical": 4}
_TLP: dict[Tlp, int] = {"clear": 0, "green": 1, "amber": 2, "amber+strict": 3, "red": 4}
_DATA_TYPES = {"address": "ip", "file": "filename", "account": "other", "sha256": "hash"}
_ALERTS, _QUERY = "/api/v1/alert", "/api/v1/query"
_SOURCE = "stopgap"


def to_thehive(alert: Alert, server: Asks) -> Exported:
    """Create the alert with its observables, or bring the one with this reference up to date. Raises Error.

    TheHive knows an alert by type, source and sourceRef: a second one with the same is never made.
    """
    filters = [{"_field": "source", "_value": _SOURCE}, {"_field": "sourceRef", "_value": alert.reference}]
    query = [{"_name": "listAlert"}, *({"_name": "filter", "_eq": each} for each in filters)]
    found = server.ask("POST", f"{_QUERY}?name=alerts", {"query": query})
    if not found:
        made = server.ask("POST", _ALERTS, _created(alert))
        return Exported(str(made["_id"]), "created", len(alert.indicators), alert.left_out)
    name = str(found[0]["_id"])
    server.ask("PATCH", f"{_ALERTS}/{name}", _head(alert))
    known = server.ask(
        "POST",
        f"{_QUERY}?name=alert-observables",
        {"query": [{"_name": "getAlert", "idOrName": name}, {"_name": "observables"}]},
    )
    has = {(each.get("dataType"), each.get("data")) for each in known or ()}
    new = [each for each in map(_observable, alert.indicators) if (each["dataType"], each["data"]) not in has]
    for each in new:
        server.ask("POST", f"{_ALERTS}/{name}/observable", each)
    return Exported(name, "updated", len(new), alert.left_out)


def without_server() -> Shown:
    """Return what shows the requests to a server that has no such alert."""
    return Shown({_QUERY: [], _ALERTS: {"_id": ""}})


def _created(alert: Alert) -> dict[str, Any]:
    return {
        "type": "remediation",
        "source": _SOURCE,
        "sourceRef": alert.reference,
        **_head(alert),
        "date": int(alert.at.timestamp() * 1000),
        "observables": [_observable(each) for each in alert.indicators],
    }


def _head(alert: Alert) -> dict[str, Any]:
    return {
        "title": alert.title,
        "description": alert.text,
        "severity": _SEVERITIES[alert.severity],
        "tags": [*alert.tags, *(f"host:{asset.name}" for asset in alert.assets if asset.is_target)],
        "tlp": _TLP[alert.tlp],
    }


def _observable(indicator: Indicator) -> dict[str, Any]:
    return {
        "dataType": _DATA_TYPES[indicator.kind],
        "data": indicator.value,
        "message": indicator.about,
        "tags": [f"stopgap:{indicator.kind}"],
        "ioc": indicator.sure,
    }

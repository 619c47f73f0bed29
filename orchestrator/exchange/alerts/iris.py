"""An alert of DFIR-IRIS, by its interface 2.1 (docs.dfir-iris.org/api_reference).

Ids of severities, statuses and types differ between installations: they are asked for by name.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from stopgap.orchestrator.exchange.alerts.client import Asks, RefusedByServerError, Shown
from stopgap.orchestrator.exchange.alerts.content import Alert, Asset, Indicator
from stopgap.orchestrator.exchange.alerts.exported import Exported
from stopgap.orchestrator.exchange.marking import Tlp
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.text import tr

_SEVERITIES: dict[Severity, str] = {
    "info": "Informational", "low": "Low", "medium": "Medium", "high": "High", "critical": "Critical",
}  # fmt: skip
_TLP: tuple[Tlp, ...] = ("clear", "green", "amber", "amber+strict", "red")
_TYPES = {"address": "ip-any", "file": "file-path", "account": "account", "sha256": "sha256"}
_HOST, _STATUS = "Linux - Server", "New"
_SOURCE = "stopgap"
_LISTS = {
    "severity": ("/manage/severities/list", "severity_name", "severity_id"),
    "status": ("/manage/alert-status/list", "status_name", "status_id"),
    "type": ("/manage/ioc-types/list", "type_name", "type_id"),
    "asset": ("/manage/asset-type/list", "asset_name", "asset_id"),
    "tlp": ("/manage/tlp/list", "tlp_name", "tlp_id"),
}
"""Path of each list, and the keys of name and number in it."""


def to_iris(alert: Alert, server: Asks, customer: int) -> Exported:
    """Create the alert with its indicators and assets, or bring the one with this reference up to date. Raises Error.

    `customer`: the number of the customer that the alert is about. Indicators of an alert that is there stay as they
    are: the interface does not change them.
    """
    words = {"alert_source": _SOURCE, "alert_tags": alert.tags[1], "per_page": "100"}
    answer = _data(server.ask("GET", f"/alerts/filter?{urlencode(words)}"), "/alerts/filter")
    there = [each for each in answer.get("alerts", []) if each.get("alert_source_ref") == alert.reference]
    numbers = _Numbers(server)
    head = {
        "alert_title": alert.title,
        "alert_description": alert.text,
        "alert_severity_id": numbers.of("severity", _SEVERITIES[alert.severity]),
        "alert_tags": ",".join(alert.tags),
    }
    if there:
        number = int(there[0]["alert_id"])
        path = f"/alerts/update/{number}"
        _data(server.ask("POST", path, head), path)
        return Exported(str(number), "updated", 0, alert.left_out)
    tlp = numbers.of("tlp", alert.tlp)
    body = {
        **head,
        "alert_source": _SOURCE,
        "alert_source_ref": alert.reference,
        "alert_source_event_time": alert.at.strftime("%Y-%m-%dT%H:%M:%S"),
        "alert_status_id": numbers.of("status", _STATUS),
        "alert_customer_id": customer,
        "alert_iocs": [_ioc(each, numbers, tlp) for each in alert.indicators],
        "alert_assets": [_asset(each, numbers) for each in alert.assets],
    }
    made = _data(server.ask("POST", "/alerts/add", body), "/alerts/add")
    return Exported(str(made["alert_id"]), "created", len(alert.indicators), alert.left_out)


def without_server() -> Shown:
    """Return what shows the requests to a server that has no such alert; numbers are shown as 0."""
    named = {
        "severity": _SEVERITIES.values(), "status": (_STATUS,), "type": _TYPES.values(),
        "asset": (_HOST,), "tlp": _TLP,
    }  # fmt: skip
    lists = {
        path: {"status": "success", "data": [{key: name, number: 0} for name in named[kind]]}
        for kind, (path, key, number) in _LISTS.items()
    }
    return Shown(
        {
            **lists,
            "/alerts/filter": {"status": "success", "data": {"alerts": []}},
            "/alerts/add": {"status": "success", "data": {"alert_id": 0}},
        }
    )


class _Numbers:
    """The numbers of an installation, by names; each list is asked for once."""

    def __init__(self, server: Asks) -> None:
        self._server = server
        self._known: dict[str, dict[str, int]] = {}

    def of(self, kind: str, name: str) -> int:
        """Return the number of a name, whatever its case. Raises RefusedByServerError."""
        path, key, number = _LISTS[kind]
        if kind not in self._known:
            listed = _data(self._server.ask("GET", path), path)
            self._known[kind] = {str(each[key]).lower(): int(each[number]) for each in listed}
        if (found := self._known[kind].get(name.lower())) is None:
            raise RefusedByServerError(tr("{path} has no {name}", path=path, name=name))
        return found


def _ioc(indicator: Indicator, numbers: _Numbers, tlp: int) -> dict[str, Any]:
    return {
        "ioc_value": indicator.value,
        "ioc_description": indicator.about,
        "ioc_type_id": numbers.of("type", _TYPES[indicator.kind]),
        "ioc_tlp_id": tlp,
        "ioc_tags": "stopgap,sure" if indicator.sure else "stopgap",
    }


def _asset(asset: Asset, numbers: _Numbers) -> dict[str, Any]:
    return {
        "asset_name": asset.name,
        "asset_ip": asset.address,
        "asset_description": "the host that was broken into" if asset.is_target else "took part in the run",
        "asset_type_id": numbers.of("asset", _HOST),
        "asset_tags": "stopgap,target" if asset.is_target else "stopgap",
    }


def _data(answer: Any, path: str) -> Any:  # noqa: ANN401
    """Return the data of an answer; IRIS says `status: error` with a message. Raises RefusedByServerError."""
    if not isinstance(answer, dict) or answer.get("status") != "success":
        said = answer.get("message") if isinstance(answer, dict) else answer
        raise RefusedByServerError(tr("{path}: {said}", path=path, said=str(said)[:300]))
    return answer.get("data")

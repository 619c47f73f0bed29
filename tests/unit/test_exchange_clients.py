"""The products' own clients beside the exporters: what both send is the same, and each reads what the other wrote.

thehive4py is TheHive's client, dfir-iris-client that of DFIR-IRIS; both speak to the stand-ins over HTTP here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dfir_iris_client.alert import Alert as IrisAlerts
from dfir_iris_client.session import API_VERSION, ClientSession
from thehive4py import TheHiveApi
from thehive4py.errors import TheHiveError
from thehive4py.query.filters import Eq

from stopgap.orchestrator.exchange.alerts import iris, thehive
from stopgap.orchestrator.exchange.alerts.client import Server
from stopgap.orchestrator.exchange.alerts.content import alert_of
from stopgap.orchestrator.exchange.case import Case
from stopgap.orchestrator.secret import Secret
from tests.unit.case_systems import TOKEN, Iris, Reply, TheHive, listening
from tests.unit.test_exchange_alerts import token
from tests.unit.test_exchange_findings import case, finding, sighting, with_findings

__all__ = ["case", "token"]
Asked = tuple[str, str, Any]
Answer = Callable[[str, str, dict[str, list[str]], Any], Reply]


@contextmanager
def noted(answer: Answer) -> Iterator[tuple[str, list[Asked]]]:
    """Serve a stand-in; yield its URL, and the requests as they come: method, path, body."""
    asked: list[Asked] = []

    def note(method: str, path: str, query: dict[str, list[str]], body: Any) -> Reply:
        asked.append((method, path, copy.deepcopy(body)))
        return answer(method, path, query, body)

    with listening(note) as url:
        yield url, asked


def test_thehives_client_sends_the_same_alert_and_finds_the_exporters(case: Case, token: Secret) -> None:
    alert = alert_of(case, "red")
    with noted(TheHive().answer) as (url, ours):
        thehive.to_thehive(alert, Server(url, token))
        client = TheHiveApi(url=url, apikey=TOKEN, max_retries=0)
        [found] = client.alert.find(filters=Eq("source", "stopgap") & Eq("sourceRef", alert.reference))
        observables = client.alert.find_observables(found["_id"])
        with pytest.raises(TheHiveError, match="already exist"):
            client.alert.create(ours[1][2])
    assert (found["title"], found["tlp"], found["severity"]) == (alert.title, 4, 3)
    assert {each["data"] for each in observables} == {each.value for each in alert.indicators}
    with noted(TheHive().answer) as (url, theirs):
        client = TheHiveApi(url=url, apikey=TOKEN, max_retries=0)
        made = client.alert.create(ours[1][2])
        client.alert.update(made["_id"], {"title": "x", "tags": ["y"]})
        client.alert.create_observable(made["_id"], {"dataType": "ip", "data": "9.9.9.9", "ioc": True})
    assert theirs[0] == ours[1]


def test_thehives_client_brings_an_alert_up_to_date_by_the_same_requests(case: Case, token: Secret) -> None:
    hive = TheHive()
    with noted(hive.answer) as (url, asked):
        first = thehive.to_thehive(alert_of(case, "amber"), Server(url, token))
        more = with_findings(case, [finding(1, sighting("address 8.8.8.8"))])
        asked.clear()
        thehive.to_thehive(alert_of(more, "amber"), Server(url, token))
        ours, client = list(asked), TheHiveApi(url=url, apikey=TOKEN, max_retries=0)
        asked.clear()
        client.alert.update(first.id, ours[1][2])
        client.alert.create_observable(first.id, ours[3][2])
    assert [each[:2] for each in ours[1::2]] == [each[:2] for each in asked]
    assert [each[2] for each in ours[1::2]] == [each[2] for each in asked]


def test_the_client_of_iris_sends_the_same_alert_and_finds_the_exporters(case: Case, token: Secret) -> None:
    alert, stand_in = alert_of(case, "amber"), Iris()
    stand_in.versions = {"api_min": "2.0.0", "api_current": API_VERSION}
    with noted(stand_in.answer) as (url, asked):
        made = iris.to_iris(alert, Server(url, token), 3)
        [ours] = [each for each in asked if each[1] == "/alerts/add"]
        client = IrisAlerts(ClientSession(apikey=TOKEN, host=url, ssl_verify=False))
        found = client.filter_alerts(alert_source="stopgap", alert_tags=alert.tags[1])
        assert found.is_success()
        [read] = found.get_data()["alerts"]
        asked.clear()
        added, updated = client.add_alert(ours[2]), client.update_alert(int(made.id), {"alert_title": "x"})
    assert (read["alert_source_ref"], str(read["alert_id"])) == (alert.reference, made.id)
    assert (added.is_success(), updated.is_success(), asked[0]) == (True, True, ours)
    assert asked[1][:2] == ("POST", f"/alerts/update/{made.id}")

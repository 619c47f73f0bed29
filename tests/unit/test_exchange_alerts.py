"""A run as an alert of TheHive and DFIR-IRIS: of the published shape, once, and nothing of a host's is markup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stopgap.orchestrator.errors import UnreachableError, UsageError
from stopgap.orchestrator.exchange.alerts import iris, thehive
from stopgap.orchestrator.exchange.alerts.client import RefusedByServerError, Server
from stopgap.orchestrator.exchange.alerts.content import MOST_INDICATORS, alert_of
from stopgap.orchestrator.exchange.case import Case
from stopgap.orchestrator.secret import Secret
from tests.unit.bench import Bench
from tests.unit.case_systems import TOKEN, Iris, TheHive, listening
from tests.unit.test_exchange_findings import SUM, case, finding, sighting, with_findings

__all__ = ["case"]


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("CASE_TOKEN", TOKEN)
    return Secret("env:CASE_TOKEN")


def test_thehive_has_the_alert_once_and_a_second_export_brings_it_up_to_date(case: Case, token: Secret) -> None:
    hive = TheHive()
    with listening(hive.answer) as url:
        first = thehive.to_thehive(alert_of(case, "red"), Server(url, token))
        again = thehive.to_thehive(alert_of(case, "red"), Server(url, token))
        more = with_findings(case, [finding(1, sighting("address 9.9.9.9"), sighting("address 8.8.8.8"))])
        updated = thehive.to_thehive(alert_of(more, "red"), Server(url, token))
    assert (first.state, again.state, updated.state) == ("created", "updated", "updated")
    assert (first.id, again.indicators, updated.indicators) == (again.id, 0, 1)
    [alert] = hive.alerts.values()
    assert (alert["tlp"], alert["severity"]) == (4, 3)
    assert {"stopgap", "attack.t1505.003", "host:a"} <= set(alert["tags"])
    sure = {each["data"] for each in alert["observables"] if each["ioc"]}
    assert sure == {"9.9.9.9", "8.8.8.8", SUM}
    assert {"toor", "/var/www/html/x.php"} <= {each["data"] for each in alert["observables"]}


def test_iris_has_the_alert_once_with_the_numbers_of_its_own_lists(case: Case, token: Secret) -> None:
    stand_in = Iris()
    with listening(stand_in.answer) as url:
        first = iris.to_iris(alert_of(case, "amber"), Server(url, token), 3)
        again = iris.to_iris(alert_of(case, "amber"), Server(url, token), 3)
    assert (first.id, first.state, again.id, again.state) == ("7", "created", "7", "updated")
    [alert] = stand_in.alerts.values()
    assert (alert["alert_severity_id"], alert["alert_status_id"], alert["alert_customer_id"]) == (5, 2, 3)
    assert {each["ioc_tlp_id"] for each in alert["alert_iocs"]} == {2}
    by_value = {each["ioc_value"]: each for each in alert["alert_iocs"]}
    assert by_value[SUM]["ioc_type_id"] == 4
    assert "sure" in by_value["9.9.9.9"]["ioc_tags"]
    assert [each["asset_name"] for each in alert["alert_assets"]] == ["a"]


def test_a_host_writes_no_markup_into_the_text(case: Case) -> None:
    nasty = sighting("account x", "`<img src=x onerror=alert(1)>` [a](https://evil) \x1b[2J \u202e")
    text = alert_of(with_findings(case, [finding(1, nasty)]), "amber").text
    [line] = [line for line in text.splitlines() if "onerror" in line]
    assert line.count("`") == 4
    assert "\x1b" not in text and "\u202e" not in text


def test_more_indicators_than_an_alert_takes_are_counted(case: Case) -> None:
    many = [finding(1, *(sighting(f"account a{number}") for number in range(MOST_INDICATORS + 3)))]
    alert = alert_of(with_findings(case, many), "amber")
    assert (len(alert.indicators), alert.left_out) == (MOST_INDICATORS, 3)
    assert len(alert.text) <= 60_100


@pytest.mark.parametrize("system", ["thehive", "iris"])
def test_a_dry_run_asks_for_no_token_and_prints_what_a_run_sends(
    bench: Bench, case: Case, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CASE_TOKEN")
    words = ["export", system, "last", "--to", "https://case.invalid", "--token", "env:CASE_TOKEN", "--dry-run"]
    status, out, err = bench.stopgap(*words, "--json")
    assert status == 0, err
    told = json.loads(out)
    assert (told["state"], told["id"]) == ("not-sent", None)
    assert told["requests"][-1]["path"] in {"/api/v1/alert", "/alerts/add"}
    assert bench.stopgap(*words)[1].count("https://case.invalid/") == len(told["requests"])


def test_a_run_is_sent_by_the_command_and_the_token_is_nowhere(bench: Bench, case: Case) -> None:
    with listening(TheHive().answer) as url:
        words = ["export", "thehive", "last", "--to", url, "--token", "env:CASE_TOKEN"]
        assert bench.stopgap(*words)[0] == 0
        status, out, err = bench.stopgap(*words, "--json")
    assert (status, json.loads(out)["state"]) == (0, "updated")
    assert TOKEN not in out + err


def test_a_server_that_refuses_or_is_not_there_is_told(token: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(Iris().answer) as url:
        with pytest.raises(RefusedByServerError, match="404"):
            Server(url, token).ask("GET", "/none")
        monkeypatch.setenv("OTHER_TOKEN", "another-token-altogether")
        with pytest.raises(RefusedByServerError, match="401"):
            Server(url, Secret("env:OTHER_TOKEN")).ask("GET", "/manage/tlp/list")
    with pytest.raises(UnreachableError):
        Server(url, token).ask("GET", "/")


@pytest.mark.parametrize(
    "url", ["http://case.example", "https://me@case.example", "case.example", "ftp://case.example"]
)
def test_a_token_goes_nowhere_in_clear(url: str, token: Secret) -> None:
    with pytest.raises(UsageError):
        Server(url, token)


def test_a_list_without_the_name_is_told_before_anything_is_sent(case: Case, token: Secret, tmp_path: Path) -> None:
    stand_in = Iris()
    stand_in.lists["/manage/tlp/list"] = ("tlp", ("red",))
    with listening(stand_in.answer) as url, pytest.raises(RefusedByServerError, match="has no amber"):
        iris.to_iris(alert_of(case, "amber"), Server(url, token), 1)
    assert stand_in.alerts == {}

"""Events of a run for a SIEM: required fields, ids that stay, nothing that a reader would not know."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from stopgap.orchestrator.documents.event import RunEvents
from stopgap.orchestrator.exchange.events import events
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.records import CheckJudged, EvidenceKept, FindingNoted, FindingsMade
from tests.unit.bench import Bench

REQUIRED = {
    2004: {"finding_info"},
    2005: {"finding_info_list", "status_id", "assignee"},
    5040: {"device", "query_evidence", "query_result_id"},
    7001: {"command_uid"},
    7002: {"command_uid", "file"},
    7004: {"command_uid", "connection_info"},
}
"""What OCSF 1.8 requires of a class, beside what it requires of every event."""
ALWAYS = {"class_uid", "category_uid", "activity_id", "type_uid", "severity_id", "time", "metadata"}
ABOUT = {"step": "triage", "target": "a", "host": "a", "profile": "triage", "folder": "evidence/a/triage"}


@pytest.fixture
def history(bench: Bench) -> History:
    """A run of two changes, the second one called containment; with evidence, findings and an undo."""
    argv = {"argv": ["true"], "undo": ["true"]}
    runbook = bench.runbook(
        {"id": "file", "task": "host.file", "with": {"path": str(bench.files / "one"), "content": "x\n"}},
        {"id": "plain", "task": "host.command", "with": argv},
        {"id": "cut", "task": "host.command", "with": argv},
    )
    assert bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")[0] == 0
    assert bench.stopgap("undo", "last", "--step", "file", "--yes")[0] == 0
    with Journal.open_to_read(bench.top / "home") as journal:
        found = journal.history(journal.resolve("last"))
    noted = FindingNoted(id="rule", severity="high", title="A shell", count=1, first="x", tags=("attack.t1505.003",))
    more = (
        EvidenceKept(**ABOUT, items=1, size=1, manifest_sha256="a" * 64),
        FindingsMade(**ABOUT, findings=(noted, noted), rules=1, not_looked=0, sha256="0" * 64),
    )
    last = found.entries[-1]
    entries = tuple(Entry(last.seq + 1 + n, last.at, record) for n, record in enumerate(more))
    seen = CheckJudged(step="cut", target="a", vantage="b", about="x", holds=True, seen="x", containment=True)
    return dataclasses.replace(found, entries=(*found.entries, *entries), checks=(*found.checks, seen))


def test_each_event_of_ocsf_has_what_its_class_requires(history: History):
    found = list(events(history, "ocsf"))
    for event in found:
        assert event.keys() >= ALWAYS | REQUIRED[event["class_uid"]], event
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    by_class = {uid: [each for each in found if each["class_uid"] == uid] for uid in REQUIRED}
    assert {uid: len(of) for uid, of in by_class.items()} == {2004: 2, 2005: 2, 5040: 1, 7001: 1, 7002: 2, 7004: 1}
    assert [each["activity_id"] for each in by_class[7002]] == [4, 3]
    assert by_class[7004][0]["activity_id"] == 1
    assert by_class[2004][0]["finding_info"]["attacks"][0]["technique"] == {"uid": "T1505.003"}


def test_each_event_of_ocsf_is_valid_by_the_published_schema(history: History):
    ocsf = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))
    classes = {uid: ocsf.get_class_schema(ocsf.lookup_class_name_from_uid(uid)) for uid in REQUIRED}
    for event in events(history, "ocsf"):
        faults = [each.message for each in Draft202012Validator(classes[event["class_uid"]]).iter_errors(event)]
        assert faults == [], event
    nameless = {**next(iter(events(history, "ocsf"))), "metadata": {}}
    assert not Draft202012Validator(classes[nameless["class_uid"]]).is_valid(nameless)


def test_each_event_of_ecs_has_its_kind_category_and_outcome(history: History):
    found = list(events(history, "ecs"))
    assert {each["event"]["kind"] for each in found} == {"alert", "event"}
    allowed = {"network", "configuration", "intrusion_detection", "host", "process"}
    assert {category for each in found for category in each["event"]["category"]} == allowed
    assert {each["event"]["outcome"] for each in found} <= {"success", "failure", "unknown"}
    assert all(datetime.fromisoformat(each["@timestamp"]) for each in found)
    alert = next(each for each in found if each["event"]["kind"] == "alert")
    assert (alert["rule"]["id"], alert["threat"]["technique"]["id"]) == ("rule", ["T1505.003"])


def test_a_cloud_event_of_each_record_has_an_id_that_stays(history: History):
    found = list(events(history, "cloudevents"))
    assert [each["id"] for each in found] == [f"{history.run}/{entry.seq}" for entry in history.entries]
    assert all(
        each["specversion"] == "1.0" and each["source"] and each["type"].startswith("stopgap.") for each in found
    )
    assert found == list(events(history, "cloudevents"))


def test_a_finding_has_the_id_that_the_stream_of_events_gives_it(history: History):
    [entry] = [each for each in history.entries if isinstance(each.record, FindingsMade)]
    stream = RunEvents(history.run, lambda: history.entries)
    told = [each["id"] for known in history.entries for each in stream.of(known) if known is entry]
    alerts = [each["event"]["id"] for each in events(history, "ecs") if each["event"]["kind"] == "alert"]
    detections = [each["metadata"]["uid"] for each in events(history, "ocsf") if each["class_uid"] == 2004]
    assert (len(alerts), set(alerts) <= set(told), detections) == (2, True, alerts)


@pytest.mark.parametrize("form", ["ocsf", "ecs", "cloudevents"])
def test_ids_are_one_for_each_event_and_the_command_prints_a_line_for_each(bench: Bench, history: History, form: Any):
    def ids(found: list[dict[str, Any]]) -> list[str]:
        return [each.get("id") or (each.get("metadata") or {}).get("uid") or each["event"]["id"] for each in found]

    made = ids(list(events(history, form)))
    assert len(set(made)) == len(made)
    status, told, _ = bench.stopgap("export", "events", "last", "--format", form)
    printed = [json.loads(line) for line in told.splitlines()]
    assert (status, set(ids(printed)) <= set(made), len(printed) > 3) == (0, True, True)

"""Several runs and the notes of people, told as one report."""

from __future__ import annotations

import json
import sqlite3

import pytest

from .bench import Bench
from .test_recovery import lift, write


@pytest.fixture
def incident(bench: Bench) -> Bench:
    """An incident of two runs: what the first changed is taken back by the second, in part."""
    assert bench.stopgap("incident", "open", "shop-1")[0] == 0
    belongs = ("--incident", "shop-1", "--yes")
    assert bench.run(bench.runbook(write(bench, "cut"), write(bench, "page"), name="Contain it"), *belongs)[0] == 0
    assert bench.stopgap("incident", "note", "The provider <b>has</b> pulled the cable, ticket 4711")[0] == 0
    assert bench.run(bench.runbook(lift("last", step="page"), name="Bring it back"), *belongs)[0] == 0
    return bench


def test_runs_notes_and_changes_stand_in_one_report_in_the_order_of_time(incident: Bench) -> None:
    status, out, err = incident.stopgap("report", "--incident", "shop-1", "--format", "json")
    assert status == 0, err
    report = json.loads(out)
    assert [run["title"] for run in report["runs"]] == ["Contain it", "Bring it back"]
    kinds = [e["kind"] for e in report["timeline"] if e["kind"] in {"run-started", "note", "undo"}]
    assert kinds == ["run-started", "note", "run-started", "undo"]
    assert [e["at"] for e in report["timeline"]] == sorted(e["at"] for e in report["timeline"])
    assert [(c["number"], c["state"], c["run"]) for c in report["changes"]] == [
        (1, "done", report["runs"][0]["run"]),
        (2, "undone", report["runs"][0]["run"]),
    ]
    assert report["undo_order"] == [1]
    assert (report["title"], report["incident"]["name"]) == ("shop-1", "shop-1")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("form", ["html", "md"])
def test_every_form_has_notes_and_commands_and_escapes_what_people_wrote(
    incident: Bench, language: str, form: str
) -> None:
    status, out, err = incident.stopgap("report", "--incident", "shop-1", "--lang", language, "--format", form)
    assert status == 0, err
    assert "ticket 4711" in out
    assert "<b>has" not in out
    first, second = (line.split()[0] for line in reversed(incident.stopgap("runs")[1].splitlines()))
    assert f"stopgap undo {first}" in out
    assert f"stopgap undo {second}" not in out, "there is nothing to take back in it"
    assert second in out


def test_a_report_is_of_a_run_or_of_an_incident_that_has_one(incident: Bench) -> None:
    assert incident.stopgap("report")[0] == 2
    assert incident.stopgap("report", "last", "--incident", "shop-1")[0] == 2
    incident.stopgap("incident", "open", "other")
    status, _, err = incident.stopgap("report", "--incident", "other")
    assert (status, "has no run yet" in err) == (2, True)


def test_japanese_papers_have_the_runbooks_japanese_names(bench: Bench) -> None:
    step = write(bench, "cut") | {"name": "Cut it off", "name_ja": "通信を遮断"}
    runbook = bench.runbook(step, name="Contain it", name_ja="封じ込め")
    assert bench.run(runbook, "--yes")[0] == 0
    for words in (("--lang", "ja"), ("--lang", "ja", "--format", "md"), ("--lang", "ja", "--manual")):
        out = bench.stopgap("report", "last", *words)[1]
        assert "通信を遮断" in out, words
        assert "封じ込め" in out, words
        assert "Cut it off" not in out, words
    assert "通信を遮断" not in bench.stopgap("report", "last")[1]


def test_times_are_in_the_zone_that_was_asked_for(incident: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    words = ("report", "--incident", "shop-1", "--format", "md")
    assert "All times are UTC" in incident.stopgap(*words)[1]
    assert "All times are JST" in incident.stopgap(*words, "--timezone", "Asia/Tokyo")[1]
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert "All times are JST" in incident.stopgap(*words)[1]
    assert "All times are JST" in incident.stopgap("report", "last", "--manual", "--format", "md")[1]
    status, _, err = incident.stopgap(*words, "--timezone", "Tokio")
    assert (status, "Tokio is no time zone" in err) == (2, True)


def test_a_report_of_an_incident_with_a_damaged_run_says_so_and_exits_1(incident: Bench) -> None:
    with sqlite3.connect(incident.top / "home" / "journal.sqlite") as database:
        database.execute("DROP TRIGGER no_update")
        database.execute("UPDATE records SET at = replace(at, '2026-', '2027-') WHERE kind = 'step-finished'")
    status, out, err = incident.stopgap("report", "--incident", "shop-1", "--format", "md")
    assert status == 1
    assert "The journal is damaged" in out
    assert "damaged" in err

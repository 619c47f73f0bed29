"""Incidents: notes and runs under one name."""

from __future__ import annotations

import pytest

from stopgap.orchestrator.journal.details import FOR_AUTHORITIES, IncidentDetails

from .at_terminal import AtTerminal
from .bench import Bench


def test_notes_and_runs_of_an_incident_are_shown_in_the_order_of_time(bench: Bench) -> None:
    runbook = bench.runbook({"task": "host.command", "with": {"argv": ["true"]}})
    assert bench.stopgap("incident", "open", "shop")[0] == 0
    assert bench.run(runbook, "--yes", "--incident", "shop")[0] == 0
    assert bench.run(runbook, "--yes")[0] == 0
    assert bench.stopgap("incident", "note", "cable pulled\x1b[2J")[0] == 0
    shown = bench.stopgap("incident", "show")[1]
    assert shown.count("run 2") == 1
    assert shown.index("opened by") < shown.index("run 2") < shown.index("cable pulled")
    assert "\x1b" not in shown
    assert "@" in shown


def test_an_incident_is_no_run(bench: Bench) -> None:
    bench.run(bench.runbook({"task": "host.command", "with": {"argv": ["true"]}}), "--yes")
    bench.stopgap("incident", "open", "shop")
    assert "A runbook of a test" in bench.stopgap("show", "last")[1]
    assert "shop" not in bench.stopgap("runs")[1]


def test_one_that_is_not_there_or_closed_or_taken_is_refused(bench: Bench) -> None:
    runbook = bench.runbook({"task": "host.command", "with": {"argv": ["touch", str(bench.files / "x")]}})
    status, _, err = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes", "--incident", "no")
    assert (status, "there is no incident no" in err) == (1, True)
    assert not (bench.files / "x").exists()
    assert bench.stopgap("incident", "note", "lost")[0] == 1
    assert bench.stopgap("incident", "open", "shop")[0] == 0
    assert bench.stopgap("incident", "open", "shop")[0] == 1
    assert bench.stopgap("incident", "open", "No Name")[0] == 1
    assert bench.stopgap("incident", "close")[0] == 0
    assert bench.stopgap("incident", "close", "--incident", "shop")[0] == 1


NOTED = {"id": "note", "task": "host.file"}
PARAMS = {name: {"type": "string", "default": None, "description": name} for name in ("phone", "incident", "seen_at")}


def noting(bench: Bench) -> str:
    words = "{{ params.incident }} {{ params.phone }} {{ params.seen_at }}"
    return bench.runbook({**NOTED, "with": {"path": str(bench.files / "note"), "content": words}}, params=PARAMS)


def test_details_given_once_are_parameters_of_every_run_of_the_incident(bench: Bench) -> None:
    opened = ("incident", "open", "shop-1", "--set", "phone=+81 3 0000 0000", "--set", "severity=high")
    assert bench.stopgap(*opened)[0] == 0
    details = bench.top / "details.yaml"
    details.write_text("{seen_at: '2026-11-23T10:40:00+09:00', reporter: 山田}")
    assert bench.stopgap("incident", "describe", "--file", str(details))[0] == 0
    assert bench.run(noting(bench), "--yes", "--incident", "shop-1")[0] == 0
    assert (bench.files / "note").read_text() == "shop-1 +81 3 0000 0000 2026-11-23T10:40:00+09:00"
    assert bench.run(noting(bench), "--yes", "--incident", "shop-1", "-p", "phone=119")[0] == 0
    assert " 119 " in (bench.files / "note").read_text(), "the command line's own word counts"
    shown = bench.stopgap("incident", "show")[1]
    assert "reporter      山田" in shown


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("telephone=1", "telephone is no detail of an incident"),
        ("seen_at=yesterday", "--set seen_at=yesterday"),
        ("seen_at=2026-11-23T10:40", "timezone"),
        ("timezone=Tokio", "expected a name such as Asia/Tokyo"),
        ("contact=nobody", "--set contact=nobody"),
        ("phone", "this gives no parameter a value"),
    ],
)
def test_a_detail_that_does_not_fit_opens_no_incident(bench: Bench, given: str, says: str) -> None:
    status, _, err = bench.stopgap("incident", "open", "shop-1", "--set", given)
    assert (status, says in err) == (2, True), err
    assert bench.stopgap("incident", "show")[0] != 0


def test_a_person_at_a_terminal_is_asked_and_may_leave_out(bench: Bench) -> None:
    person = AtTerminal("incident", "open", "shop-1")
    for field in [name for name in IncidentDetails.model_fields if name not in FOR_AUTHORITIES]:
        person.until(f"{field}: ")
        if field == "severity":
            person.type("grave\n")
            person.until(f"{field}: ")
        person.type({"phone": "119"}.get(field, "") + "\n")
    assert person.end() == 0, person.shown
    assert b"that does not fit" in person.shown
    assert "phone         119" in bench.stopgap("incident", "show")[1]

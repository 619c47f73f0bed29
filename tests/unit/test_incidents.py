"""Incidents: notes and runs under one name."""

from __future__ import annotations

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

"""Routers without a shell whose command line no inventory names: recognised, blocked on, and undone."""

from __future__ import annotations

from typing import Any

import pytest

from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.remote import recognise_command_line

from ..unit.bench import outcomes
from .bench import DeviceBench
from .cisco import Ios
from .vendors import VENDORS


def note_of(events: list[dict[str, Any]]) -> str:
    return " ".join(note for event in events for note in event.get("notes", ()))


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_command_line_is_recognised_by_one_line_at_most(devices: DeviceBench, vendor: str) -> None:
    device = VENDORS[vendor]()
    devices.serve(device)
    hosts = load_inventory(devices.bench.inventory).hosts

    cli, seen = recognise_command_line(hosts["edge"], hosts)

    assert cli == vendor
    assert seen
    assert device.said in ([], ["show version"])


@pytest.mark.parametrize("vendor", ["routeros", "eos"])
def test_a_router_of_no_named_driver_is_blocked_on_and_the_undo_needs_no_second_look(
    devices: DeviceBench, vendor: str
) -> None:
    device = VENDORS[vendor]()
    server = devices.serve(device)
    before = device.dump()

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (0, {"block": "changed"}), events[-1]
    chosen = next(event for event in events if event["event"] == "driver-chosen")
    assert (chosen["host"], chosen["driver"], chosen["cli"]) == ("edge", vendor, vendor)
    assert f"takes the driver {vendor} on edge: its command line is {vendor}" in note_of(events)

    asked = device.said.count("show version")
    status, out, _ = devices.bench.stopgap("status")
    assert "in force" in out, out
    server.attempts.clear()
    assert devices.undo(events[-1]["run"]) == 0
    assert device.dump() == before
    assert device.said.count("show version") == asked


def test_a_dry_run_says_which_driver_it_takes_and_sends_lines_that_only_show(devices: DeviceBench) -> None:
    device = Ios()
    devices.serve(device, driver="auto")
    before = device.dump()

    status, events = devices.block("--dry-run")

    assert status == 0
    assert "takes the driver ios on edge: its command line is ios: Cisco IOS XE Software" in note_of(events)
    assert all(line.startswith(("show ", "terminal ", "exec ")) or not line for line in device.said)
    assert device.dump() == before


def test_a_command_line_that_nobody_knows_is_refused_with_what_to_name(devices: DeviceBench) -> None:
    device = Ios()
    device.version = "Some other vendor's system, version 3"
    devices.serve(device)

    status, events = devices.block("--yes")

    assert status == 4
    assert "name its `driver` and `cli` in the inventory" in events[-1]["reason"]
    assert "Some other vendor" not in device.dump()

"""Two operators on two machines at one device: neither confirms, replaces or takes away what is the other's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..unit.bench import outcomes
from .bench import DeviceBench
from .cisco import Eos
from .vendors import VENDORS


@pytest.mark.parametrize("cli", ["junos", "eos", "ios"])
def test_a_change_of_somebody_elses_that_waits_to_be_confirmed_is_seen_and_refused(
    devices: DeviceBench, cli: str
) -> None:
    device = VENDORS[cli]()
    devices.serve(device, driver=cli)
    before = device.dump()
    device.set_timer(60, lambda: None)

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (4, {"block": "refused"})
    assert "a commit now would confirm it" in events[-1]["steps"][0]["reason"]
    assert device.waiting, "the other one's change still goes back by itself"
    assert device.dump() == before


def test_vyos_itself_refuses_a_second_change_that_waits_to_be_confirmed(devices: DeviceBench) -> None:
    device = VENDORS["vyos"]()
    devices.serve(device, driver="vyos")
    before = device.dump()
    device.set_timer(60, lambda: None)

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert "Another confirm is pending" in events[-1]["steps"][0]["reason"]
    assert device.waiting
    assert device.dump() == before


@pytest.mark.parametrize("cli", ["junos", "eos", "ios"])
def test_an_undo_confirms_nothing_of_somebody_elses(devices: DeviceBench, cli: str) -> None:
    device = VENDORS[cli]()
    devices.serve(device, driver=cli)
    before = device.dump()
    assert devices.block("--yes")[0] == 0
    device.set_timer(60, lambda: None)

    assert devices.undo() == 4
    assert device.waiting

    device.confirm()
    assert devices.undo() == 0
    assert device.dump() == before


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_takes_away_what_is_its_own(
    devices: DeviceBench, vendor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = VENDORS[vendor]()
    devices.serve(device, driver=vendor)
    before = device.dump()
    assert devices.block("--yes", allow=[])[0] == 0
    ours = device.dump()
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "another"))
    assert devices.block("--yes", allow=[], addresses=["203.0.113.99"])[0] == 0
    both = device.dump()
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "home"))
    assert devices.undo() == 0

    assert "203.0.113.99" in device.dump()
    assert "203.0.113.10/32" not in device.dump().replace("host 203.0.113.10 ", "203.0.113.10/32")
    assert len({before, ours, both}) == 3
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "another"))
    assert devices.undo() == 0
    assert "203.0.113.99" not in device.dump()


def test_sessions_of_two_runs_never_have_one_name(devices: DeviceBench) -> None:
    device = Eos()
    devices.serve(device, driver="eos")
    for _ in range(2):
        assert devices.block("--yes")[0] == 0
        assert devices.undo() == 0

    entered = [found[1] for line in device.said if (found := re.fullmatch(r"configure session (\S+)", line))]

    assert len(set(entered)) == len(entered) == 4
    assert all("@" not in name for name in entered)


@pytest.mark.parametrize(
    ("cli", "confirm"), [("junos", "configure exclusive"), ("eos", "configure session"), ("ios", "configure confirm")]
)
def test_a_block_that_nobody_has_confirmed_yet_is_not_unchanged_and_can_be_undone(
    devices: DeviceBench, cli: str, confirm: str
) -> None:
    """The link is lost when the second login confirms: the entries stand, and the device goes back."""
    device = VENDORS[cli]()
    server = devices.serve(device, driver=cli)
    before = device.dump()
    server.hang_up_before = confirm
    status, events = devices.block("--yes")
    assert (status, outcomes(events)) == (1, {"block": "unknown"})
    assert device.waiting

    status, events = devices.block("--yes")
    assert (status, outcomes(events)) == (4, {"block": "refused"})
    assert "may be taken back by itself" in events[-1]["steps"][0]["reason"]

    run = devices.bench.stopgap("runs")[1].split()[0]
    assert devices.undo(events[-1]["run"] or run) == 0
    assert device.dump() == before

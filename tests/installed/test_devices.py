"""Every driver of a network device works in a fresh process, in which no module was imported before."""

from __future__ import annotations

from typing import Any

import pytest

from ..emulator.bench import DeviceBench
from ..emulator.cisco import Eos, Ios
from ..emulator.device import Device
from ..emulator.junos import Junos
from ..emulator.routeros import RouterOs
from ..emulator.vyos import Vyos
from ..unit.bench import outcomes
from .command import Installed, on_one_and_on_two

DRIVERS: dict[str, tuple[type[Device], dict[str, Any]]] = {
    "vyos": (Vyos, {}),
    "routeros": (RouterOs, {}),
    "junos": (Junos, {}),
    "eos": (Eos, {}),
    "ios": (Ios, {}),
    "ios-null0": (Ios, {"cli": "ios"}),
    "switchport": (Junos, {"cli": "junos", "switchport": "ge-0/0/7"}),
}


@pytest.mark.parametrize(("driver", "installed"), on_one_and_on_two(DRIVERS), indirect=["installed"])
def test_a_driver_previews_blocks_shows_and_undoes(devices: DeviceBench, installed: Installed, driver: str) -> None:
    kind, edge = DRIVERS[driver]
    device = kind()
    devices.serve(device, driver=driver, **edge)
    before = device.dump()
    allow = [] if driver in {"ios-null0", "switchport"} else ["198.51.100.9"]
    runbook = devices.bench.runbook({"id": "block", "task": "traffic.block", "with": {"allow": allow}})

    status, events = installed.run(runbook, devices.bench.inventory, "web", "--dry-run")
    assert (status, outcomes(events)) == (0, {"block": "would-change"})
    assert device.dump() == before

    status, events = installed.run(runbook, devices.bench.inventory, "web", "--yes")
    assert (status, outcomes(events)) == (0, {"block": "changed"})
    assert device.dump() != before

    assert installed("status").returncode == 0
    assert installed("undo", "last", "--yes").returncode == 0
    assert device.dump() == before


@pytest.mark.parametrize(("driver", "installed"), on_one_and_on_two(["junos", "vyos"]), indirect=["installed"])
def test_a_device_that_nothing_listens_on_is_unreachable(
    devices: DeviceBench, installed: Installed, driver: str
) -> None:
    kind, edge = DRIVERS[driver]
    devices.serve(kind(), driver=driver, **edge).close()
    runbook = devices.bench.runbook({"id": "block", "task": "traffic.block", "with": {}})

    for _ in range(3):
        status, events = installed.run(runbook, devices.bench.inventory, "web", "--yes")
        assert (status, outcomes(events)) == (3, {"block": "unreachable"})

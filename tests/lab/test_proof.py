"""Every kind of packet meets every driver of a router here; `scripts/proof` prints the whole of it as one table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from proof_packets.course import Course
from proof_packets.devices import DEVICES, Device
from proof_packets.eyes import Eyes

from .conftest import Lab

THROUGHOUT = "nftables"
"""Also meets expiry, and what the inventory does not tell; reboots are in test_traffic_reboot."""


@pytest.fixture(scope="module")
def vantages(lab: Lab) -> Iterator[Eyes]:
    with Eyes() as vantages:
        yield vantages


@pytest.mark.parametrize("device", [d for d in DEVICES if d.daily and d.can.where == "device"], ids=lambda d: d.name)
def test_packets_pass_or_are_dropped_as_the_driver_declares_and_nothing_is_left(
    vantages: Eyes, device: Device, tmp_path: Path
) -> None:
    with device.ready():
        phases = ("blocked", "lapsed", "missed") if device.name == THROUGHOUT else ("blocked",)
        assert Course(device, vantages, tmp_path, phases).run().against() == []

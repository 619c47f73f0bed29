"""Every command and every shipped runbook, over a router with a command line, in a fresh process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..emulator.bench import DeviceBench
from ..emulator.junos import Junos
from .command import Installed, on_one_and_on_two

RUNBOOKS = sorted(path.stem for path in (Path(__file__).parents[2] / "runbooks").glob("*.yaml"))
PARAMS = {
    "contain": ["contact=noc@example.jp"],
    "freeze": ["evidence=."],
    "freeze-site": ["site=wordpress", "folder=/var/www/shop"],
    "provider-block": ["addresses=203.0.113.10/32"],
    "recover": ["runs=last"],
    "spare": ["contact=noc@example.jp"],
    "unlock": ["paths=/etc/ssh"],
    "update-page": ["contact=noc@example.jp"],
}


@pytest.fixture
def edge(devices: DeviceBench) -> Iterator[DeviceBench]:
    devices.serve(Junos(), driver="junos")
    yield devices


@pytest.mark.parametrize(("runbook", "installed"), on_one_and_on_two(RUNBOOKS), indirect=["installed"])
def test_a_shipped_runbook_is_previewed(edge: DeviceBench, installed: Installed, runbook: str) -> None:
    params = [word for pair in PARAMS.get(runbook, []) for word in ("-p", pair)]
    done = installed("run", runbook, "-i", str(edge.bench.inventory), "-t", "web", "--dry-run", *params)
    assert done.returncode in {0, 1, 2, 3, 4}, done.stdout + done.stderr


@pytest.mark.parametrize("installed", [1], indirect=True, ids=["one processor"])
def test_the_commands_that_look_at_a_run(edge: DeviceBench, installed: Installed) -> None:
    runbook = edge.bench.runbook(
        {"id": "block", "task": "traffic.block", "with": {"allow": ["198.51.100.9"]}},
        {"id": "letter", "task": "provider.notify", "with": {"contact": "noc@example.jp"}},
        {"id": "look", "task": "host.command", "with": {"argv": ["true"], "reads": True}},
    )
    assert installed("check", runbook, "-i", str(edge.bench.inventory)).returncode == 0
    assert installed("inventory", "-i", str(edge.bench.inventory)).returncode == 0
    assert installed.run(runbook, edge.bench.inventory, "web", "--yes")[0] == 0
    for words in (
        ("runs",),
        ("show", "last"),
        ("status",),
        ("verify", "last"),
        ("report", "last", "-o", str(edge.top / "report.html")),
        ("tasks", "traffic.block"),
        ("schema", "runbook"),
        ("resume", "last"),
        ("undo", "last", "--yes"),
    ):
        assert installed(*words).returncode == 0, words

"""`status` tells what the router really does, whatever the journal believes; `extend` prolongs, undo lifts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .alone import Alone, router_alone
from .operator import Ran

INVENTORY = """\
hosts:
  web: {address: 203.0.113.10, addresses: [203.0.113.10, "2001:db8:113::10"], upstream: edge, connection: local}
  edge: {address: 10.9.0.1, connection: local, driver: nftables, may_block: [203.0.113.0/24, "2001:db8:113::/64"]}
"""
BLOCK = """\
name: Cut off
params:
  expires: {type: duration, default: 8h}
steps:
  - id: cut-off
    task: traffic.block
    with: {expires: "{{ params.expires }}"}
"""


class Noc:
    """The command line on the router."""

    def __init__(self, router: Alone, top: Path) -> None:
        self.router, self._top = router, top
        (top / "inventory.yaml").write_text(INVENTORY)
        (top / "block.yaml").write_text(BLOCK)
        self.block = str(top / "block.yaml")

    def stopgap(self, *argv: str) -> Ran:
        return self.router.stopgap(self._top / "home", *argv)

    def run(self, runbook: str, *argv: str) -> str:
        """Run a runbook, and give the run's id."""
        ran = self.stopgap(
            "run", runbook, "-i", str(self._top / "inventory.yaml"), "-t", "web", "--yes", "--json", *argv
        )
        assert ran.outcomes == {"cut-off": "changed"}, ran.out + ran.err
        return str(json.loads(ran.out.splitlines()[-1])["run"])

    def nft(self, words: str) -> None:
        assert self.router.ssh("edge", f"nft {words}").returncode == 0


@pytest.fixture
def noc(tmp_path: Path) -> Iterator[Noc]:
    with router_alone() as (alone, _):
        yield Noc(alone, tmp_path)


def test_status_follows_the_router_and_not_the_journal(noc: Noc) -> None:
    assert noc.stopgap("status").out == "Nothing is in force.\n"
    noc.run(noc.block)
    fine = noc.stopgap("status")
    assert fine.status == 0, fine.out
    assert "in force, 8h left, as edge says" in fine.out
    assert "packets to it dropped" in fine.out
    assert "ends soon" not in fine.out

    noc.nft("delete element inet stopgap_web blocked4 '{ 203.0.113.10 }'")
    changed = noc.stopgap("status")
    assert changed.status == 1
    assert "changed by somebody since" in changed.out
    assert "203.0.113.10 timeout 8h" in changed.out

    noc.nft("delete table inet stopgap_web")
    gone = noc.stopgap("status")
    assert gone.status == 1
    assert "gone: the router was restarted, or somebody took it away" in gone.out
    assert noc.stopgap("status", "--offline").status == 0


def test_extend_prolongs_a_block_that_ends_soon_and_undo_puts_the_first_back(noc: Noc) -> None:
    first = noc.run(noc.block, "-p", "expires=2h")
    with_first = noc.router.rules()
    soon = noc.stopgap("status")
    assert (soon.status, "ends soon" in soon.out) == (1, True)

    extended = noc.run("extend", "-p", "expires=90h")
    status = noc.stopgap("status")
    assert status.status == 0, status.out
    assert f"made again by run {extended}" in status.out
    assert "in force, 90h left" in status.out
    assert "ends soon" not in status.out

    again = noc.run("extend", "-p", "expires=90h")
    noc.stopgap("undo", again, "--yes")
    noc.stopgap("undo", extended, "--yes")
    assert noc.router.rules() == with_first
    assert first in noc.stopgap("status").out

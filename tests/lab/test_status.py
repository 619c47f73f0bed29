"""`status` tells what the router really does, whatever the journal believes; `extend` prolongs, undo lifts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .operator import Operator

if TYPE_CHECKING:
    from .conftest import Lab

BLOCK = """\
name: Cut off
params:
  expires: {type: duration, default: 8h}
steps:
  - id: cut-off
    task: traffic.block
    with: {expires: "{{ params.expires }}"}
"""


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    before = lab.rules()
    (tmp_path / "block.yaml").write_text(BLOCK)
    operator = Operator(lab, tmp_path / "home")
    yield operator
    operator.undo_all()
    assert lab.rules() == before


def test_status_follows_the_router_and_not_the_journal(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    assert operator.run(str(tmp_path / "block.yaml"), "-t", "web", "--yes").status == 0
    assert not lab.tcp("203.0.113.10", 22)

    fine = operator.stopgap("status")
    assert fine.status == 0
    assert "in force, 8 h left, as edge says" in fine.out
    assert "packets to it dropped" in fine.out
    assert "ends soon" not in fine.out

    lab.read("edge", "nft delete element inet stopgap_web blocked4 '{ 203.0.113.10 }'")
    changed = operator.stopgap("status")
    assert changed.status == 1
    assert "changed by somebody since" in changed.out
    assert "203.0.113.10 timeout 8h" in changed.out

    lab.read("edge", "nft delete table inet stopgap_web")
    gone = operator.stopgap("status")
    assert gone.status == 1
    assert "gone: the router was restarted, or somebody took it away" in gone.out
    assert operator.stopgap("status", "--offline").status == 0


def test_extend_prolongs_a_block_that_ends_soon_and_undo_puts_the_first_back(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    first = operator.run(str(tmp_path / "block.yaml"), "-t", "web", "-p", "expires=2h", "--yes").last["run"]
    with_first = lab.rules()
    assert "ends soon" in operator.stopgap("status").out

    extended = operator.run("extend", "-t", "web", "-p", "expires=90h", "--yes")
    assert (extended.status, extended.outcomes) == (0, {"cut-off": "changed"})
    status = operator.stopgap("status")
    assert status.status == 0
    assert f"made again by run {extended.last['run']}" in status.out
    assert "90 h left" in status.out
    assert "ends soon" not in status.out

    again = operator.run("extend", "-t", "web", "-p", "expires=90h", "--yes")
    assert again.outcomes == {"cut-off": "changed"}, "it begins the time anew, though hardly any of it is over"

    operator.stopgap("undo", again.last["run"], "--yes")
    operator.stopgap("undo", extended.last["run"], "--yes")
    assert lab.rules() == with_first
    assert first in operator.stopgap("status").out

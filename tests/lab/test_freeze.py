"""What findings name on the web host stands still, lives on, and goes on after the undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Lab
from .operator import Operator
from .world import beacon

# /proc alone: the host's ps is the intruder's.
STATES = """
for d in /proc/[0-9]*; do
    read -r name <$d/comm && read -r stat <$d/stat || continue
    stat=${stat##*") "}
    case $name in kswapd1|sshd-net) echo $name ${stat%% *} ${d#/proc/};; esac
done 2>/dev/null | sort
"""


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(lab, tmp_path / "state")
    yield made
    made.undo_all()


def test_the_planted_processes_are_frozen_and_none_is_killed(lab: Lab, operator: Operator) -> None:
    lab.read("web", "sleep 3")  # what is younger than the evidence by the clock's own grain is left alone
    assert operator.run("runbooks/collect.yaml", "-t", "web", "-p", "outside=none", "--yes").status == 0
    (folder,) = operator.home.glob("runs/*/evidence/web/volatile")
    assert beacon(lab) >= {"udp4"}
    before = lab.read("web", STATES)

    done = operator.run("runbooks/freeze.yaml", "-t", "web", "-p", f"evidence={folder}", "--yes")
    assert done.status == 0, done.out + done.err
    assert done.outcomes == {"freeze": "changed"}, done.out
    assert beacon(lab) == set()
    assert lab.read("web", STATES) == before.replace(" S ", " T ")

    assert operator.stopgap("undo", "last", "--yes").status == 0
    assert beacon(lab) >= {"udp4"}
    assert lab.read("web", STATES) == before

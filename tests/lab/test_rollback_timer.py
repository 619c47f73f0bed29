"""A rule set that locks the operator out of the router heals itself, and the run says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Lab
from .operator import Operator, Ran

SECONDS = 6
LOCK_OUT = """table inet lockout {
 chain input { type filter hook input priority -300; policy accept; tcp dport 22 drop; }
 chain output { type filter hook output priority -300; policy accept; tcp sport 22 drop; }
}
"""
UNLOCK = ["sh", "-c", "nft delete table inet lockout 2>/dev/null; ! nft list table inet lockout 2>/dev/null"]


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(lab, tmp_path / "state")
    yield made
    made.undo_all()


def _lock_out(operator: Operator, tmp_path: Path) -> Ran:
    step = {
        "id": "lock-out",
        "task": "host.command",
        "on": "upstream",
        "with": {"argv": ["nft", "-f", "-"], "stdin": LOCK_OUT, "undo": UNLOCK, "rollback_timer": f"{SECONDS}s"},
    }
    runbook = tmp_path / "runbook.yaml"
    runbook.write_text(json.dumps({"name": "Lock out", "steps": [step]}))
    return operator.run(str(runbook), "-t", "web", "--yes", timeout=90)


def test_a_lock_out_heals_itself_and_the_run_says_so(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    before = lab.rules()
    done = _lock_out(operator, tmp_path)
    assert done.status == 1, done.out + done.err
    assert done.outcomes == {"lock-out": "failed"}
    assert "the host took it back" in done.reason("lock-out")
    assert lab.rules() == before
    assert "Nothing is in force" in operator.stopgap("status").out
    assert lab.ssh("edge", "ls /run/stopgap; systemctl list-units --all | grep stopgap").stdout == ""


def test_a_block_is_confirmed_and_stays_beyond_its_lifeline(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    runbook = tmp_path / "runbook.yaml"
    runbook.write_text(json.dumps({"name": "Cut", "steps": [{"id": "cut", "task": "traffic.block"}]}))
    done = operator.run(str(runbook), "-t", "web", "--yes")
    assert done.status == 0, done.out + done.err
    settled = [event["outcome"] for event in done.events if event["event"] == "rollback-timer-settled"]
    assert settled == ["confirmed"]
    assert lab.ssh("edge", "ls /run/stopgap; systemctl list-timers --all | grep stopgap").stdout == ""
    assert not lab.tcp("203.0.113.10", 25)

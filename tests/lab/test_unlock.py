"""What the intruder has locked on the web host is unlocked, and locked again exactly as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Lab
from .operator import Operator

LOOK = "/usr/bin/lsattr -d /usr/sbin; /usr/bin/lsattr -a /usr/sbin"
RIGGED = "cd /usr/local/sbin; for t in lsattr chattr; do printf '#!/bin/sh\\nexit 0\\n' >$t; chmod 755 $t; done"
TOUCH = "touch /usr/sbin/new && rm /usr/sbin/new"


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(lab, tmp_path / "state")
    yield made
    made.undo_all()


def _unlock_alone(tmp_path: Path, **given: object) -> str:
    step = {"id": "unlock", "task": "host.unlock", "with": {"paths": ["/usr"], **given}}
    path = tmp_path / "runbook.yaml"
    path.write_text(json.dumps({"name": "Unlock", "steps": [step]}))
    return str(path)


def test_the_locked_directory_is_unlocked_and_the_undo_is_exact_to_the_byte(lab: Lab, operator: Operator) -> None:
    before = lab.read("web", LOOK)
    assert before.count("i---") >= 4
    assert lab.ssh("web", TOUCH).returncode != 0

    dry = operator.stopgap("run", "runbooks/unlock.yaml", "-i", operator.inventory, "-t", "web", "--dry-run")
    assert dry.status == 0, dry.out + dry.err
    lines = [line.strip() for line in dry.out.splitlines()]
    assert lines.index("$ chattr -i -- /usr/sbin") < lines.index("$ chattr -i -- /usr/sbin/sshd")
    assert lab.read("web", LOOK) == before

    done = operator.run("runbooks/unlock.yaml", "-t", "web", "--yes")
    assert done.status == 0, done.out + done.err
    assert done.outcomes["unlock"] == "changed"
    assert lab.read("web", TOUCH) == ""
    kept = operator.stopgap("evidence", "grep", "last", "/usr/sbin/sshd").out
    assert "unlock" in kept

    undone = operator.stopgap("undo", "last", "--yes")
    assert undone.status == 0, undone.out + undone.err
    assert lab.read("web", LOOK) == before
    assert lab.ssh("web", TOUCH).returncode != 0


def test_nothing_is_unlocked_before_evidence_is_kept_unless_told_and_then_though_lsattr_and_chattr_lie(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    before = lab.read("web", LOOK)
    refused = operator.run(_unlock_alone(tmp_path), "-t", "web", "--yes")
    assert refused.status == 4, refused.out + refused.err
    assert lab.read("web", LOOK) == before
    lab.read("web", RIGGED)
    try:
        done = operator.run(_unlock_alone(tmp_path, without_evidence=True), "-t", "web", "--yes")
        assert done.status == 0, done.out + done.err
        assert "lsattr and the kernel's own word differ" in done.out
        assert "i---" not in lab.read("web", LOOK)
        assert operator.stopgap("undo", "last", "--yes").status == 0
    finally:
        lab.read("web", "rm /usr/local/sbin/lsattr /usr/local/sbin/chattr")
    assert lab.read("web", LOOK) == before

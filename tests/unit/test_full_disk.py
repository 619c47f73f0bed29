"""A disk of the controller's that is full: what a run has begun ends in order, and is taken back, on record."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root to mount a small disk"
)
DRIVER = """
import contextlib, io, json, sys
from stopgap.orchestrator.cli import main
def say(*argv):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = main(argv)
    print(json.dumps([argv[0], status, out.getvalue()]))
for line in sys.stdin:
    say(*json.loads(line))
"""


def on_a_small_disk(home: Path, *commands: tuple[str, ...], size: str = "40m") -> list[tuple[str, int, str]]:
    """Run commands with a home on a disk of that size; give of each its name, exit status and what it said."""
    home.mkdir()
    script = f'mount -t tmpfs -o size={size} none {home} && exec "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, sys.executable, DRIVER],
        input="".join(json.dumps(command) + "\n" for command in commands),
        env={**os.environ, "STOPGAP_HOME": str(home / "home"), "COLUMNS": "200"},
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return [(name, status, said) for name, status, said in map(json.loads, done.stdout.splitlines())]


@pytest.fixture
def given(tmp_path: Path) -> tuple[str, ...]:
    """The arguments of a run that writes a file, has its disk filled, and writes another file."""
    (tmp_path / "inventory.yaml").write_text("hosts: {a: {address: 127.0.0.2, connection: local}}\n")
    fill = f"cat /dev/zero >>{tmp_path}/home/filler; true"
    steps = [
        {"id": "one", "task": "host.file", "with": {"path": str(tmp_path / "one"), "content": "1"}},
        {"id": "fill", "task": "host.command", "with": {"argv": ["sh", "-c", fill], "reads": True}},
        {"id": "two", "task": "host.file", "with": {"path": str(tmp_path / "two"), "content": "2"}},
    ]
    (tmp_path / "runbook.yaml").write_text(json.dumps({"name": "Fill the disk", "steps": steps}))
    return "run", str(tmp_path / "runbook.yaml"), "-i", str(tmp_path / "inventory.yaml"), "-t", "a", "--yes"


@pytest.mark.parametrize("size", ["6m", "40m"])
def test_a_run_whose_disk_fills_goes_on_and_is_undone(tmp_path: Path, given: tuple[str, ...], size: str) -> None:
    undo, status = ("undo", "last", "--yes"), ("status",)
    said = on_a_small_disk(tmp_path / "home", given, status, undo, status, ("verify", "last"), size=size)
    assert [code for _, code, _ in said] == [0, 0, 0, 0, 0], said
    assert "3 changed" in said[0][2]
    assert str(tmp_path / "two") in said[1][2]
    assert "2 undone; nothing of this run is in force any more" in said[2][2]
    assert "Nothing is in force" in said[3][2]
    assert not (tmp_path / "one").exists()
    assert not (tmp_path / "two").exists()


def test_a_disk_that_was_full_before_does_not_keep_the_next_run_from_its_work(
    tmp_path: Path, given: tuple[str, ...]
) -> None:
    undo = ("undo", "last", "--yes")
    said = on_a_small_disk(tmp_path / "home", given, undo, given, undo)
    assert [code for _, code, _ in said] == [0, 0, 0, 0], said
    assert "2 undone" in said[3][2]

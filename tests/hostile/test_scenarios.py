"""Every evil server of the table in docs/hostile.md: what Stopgap says of it, in what time, and what it lets out."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .ours import LOGIN, exchange, limits_of, whole_run
from .scenario import Scenario
from .scenarios import all_scenarios
from .scenarios.over_openssh import OVER_OPENSSH
from .server import Field

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
SECONDS_OVER = 60.0
RUN_DEADLINE = 40.0
"""Of a whole run with its checks: far below what its steps are allowed."""
KEYSTROKES = b"keystrokes-of-the-operator"
SECRET = "secret-of-the-operator"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Somebody types, has an agent and secrets in the environment; the folder is where runs may write."""
    read, write = os.pipe()
    os.write(write, KEYSTROKES + b"\n")
    monkeypatch.setattr(sys, "stdin", os.fdopen(read))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    monkeypatch.setenv("STOPGAP_TEST_SECRET", SECRET)
    monkeypatch.setenv("STOPGAP_HOME", str(tmp_path / "home"))
    return tmp_path


def ways_in(scenario: Scenario, transport: str) -> Any:
    marks = [pytest.mark.skipif(os.geteuid() != 0, reason="port 25 needs root")] if scenario.needs_root else []
    return pytest.param(scenario, transport, id=f"{scenario.name}-{transport}", marks=marks)


@pytest.mark.parametrize(
    ("scenario", "transport"),
    [
        ways_in(scenario, transport)
        for scenario in all_scenarios()
        for transport in ("paramiko", "openssh")
        if transport == "paramiko" or not scenario.needs_root  # its address and port are taken once
    ],
)
def test_an_evil_host(scenario: Scenario, transport: str, evil: Field, operator: Path):
    hosts = {n: h.model_copy(update={"transport": transport}) for n, h in scenario.start(evil).items()}
    limits = limits_of(scenario.place, evil.limits)
    begun = time.monotonic()
    if scenario.steps is None:
        met = exchange(hosts, limits)
        connecting = limits.connect if limits.connect != LOGIN else 0.5
        deadline = connecting + limits.start + 0.4 + 2 * max(limits.grace, limits.start)  # slow to begin
    else:
        met = whole_run(hosts, scenario.steps(operator), operator)
        deadline = RUN_DEADLINE
    assert time.monotonic() - begun < deadline + SECONDS_OVER, met.said
    expect = OVER_OPENSSH.get(scenario.name, scenario.expect) if transport == "openssh" else scenario.expect
    assert re.search(expect, met.said, re.DOTALL), met.said
    assert not RAW.search(met.shown)
    if "HOST KEY CHANGED" in met.said and len(hosts) == 1:
        assert evil.given == []
    assert KEYSTROKES not in evil.heard
    assert SECRET.encode() not in evil.heard
    harmless = ("key root", "exec ", "none") if transport == "openssh" else ("key root", "exec ")
    assert not [what for what in evil.given if not what.startswith(harmless)]
    asked_first = 2 if transport == "openssh" else 1  # ssh(1) asks whether a key would do before it signs
    assert evil.given.count("key root") <= asked_first * (2 if len(hosts) > 1 else 3)
    nothing_outside(operator)


def nothing_outside(folder: Path) -> None:
    """A run writes below its own folder, regular files and folders that nobody else may read."""
    ours = {"inventory.yaml", "runbook.yaml", "known_hosts", "home", "wanted"}
    assert {path.name for path in folder.iterdir()} <= ours
    for path in (folder / "home").rglob("*"):
        assert not path.is_symlink()
        assert path.stat().st_mode & 0o7077 == 0, path

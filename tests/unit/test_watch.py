"""Looking on at a run: what a second terminal shows, and how it ends."""

from __future__ import annotations

import os
import pty
import re
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.change import RunCommands, command
from orchestrator.cli.watch import view
from orchestrator.journal import Entry, fold
from orchestrator.journal.records import (
    AnyRecord,
    ChangeIntended,
    ChangeMade,
    CheckJudged,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)

from .bench import Bench

START = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)
DROP = RunCommands(about="drop it", do=(command("true"),), undo=(command("true"),), lasts=72 * 3600.0)
STARTED = RunStarted(
    version="0", runbook_name="Contain", runbook_path="c", runbook_text="", inventory_path="i", inventory_text="",
    hosts=(), targets=("web",), params={}, operator="kei@noc",
)  # fmt: skip
CUT: list[AnyRecord] = [
    StepStarted(step="cut", target="web", host="edge", name="Cut it off", task="t"),
    ChangeIntended(step="cut", target="web", host="edge", index=0, change=DROP),
    ChangeMade(step="cut", target="web", index=0, outcome="done"),
    CheckJudged(step="cut", target="web", eye="isp", about="silent", holds=True, seen="silent", containment=True),
    StepFinished(
        step="cut", target="web", host="edge", outcome="changed", seconds=1.5,
        deadlines={"have mail accepted again before Thu 26 Nov": "2026-11-26T01:13:00+00:00"},
    ),
    StepStarted(step="mail", target="web", host="web", name="Stop mail", task="t"),
]  # fmt: skip


def seen(records: list[AnyRecord], *, after: timedelta, running: bool = True, height: int = 0) -> str:
    entries = [Entry(i, START, record) for i, record in enumerate([STARTED, *records])]
    return "\n".join(text for text, _ in view(fold("r", entries, now=START + after, running=running), height=height))


def test_it_shows_what_goes_on_what_is_in_force_and_how_long_there_is() -> None:
    text = seen(CUT, after=timedelta(hours=1))
    assert "+ Cut it off  edge  changed  1.5 s" in text
    assert "> Stop mail  web  running  1 h 0 min" in text
    assert "edge: drop it; 71 h 0 min left, until Thu 26 Nov 01:13 UTC" in text
    assert "have mail accepted again before Thu 26 Nov (71 h 0 min left)" in text


def test_a_deadline_that_has_passed_says_so_and_is_gone_with_its_change() -> None:
    stays = RunCommands(about="stop it", do=(command("true"),), undo=(command("true"),))
    records = [r.model_copy(update={"change": stays}) if isinstance(r, ChangeIntended) else r for r in CUT]
    assert "Thu 26 Nov (over)" in seen(records, after=timedelta(hours=80))
    ended = [*CUT, RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})]
    assert "web: no longer cut off" in seen(ended, after=timedelta(hours=80))
    assert "have mail accepted" not in seen(ended, after=timedelta(hours=80))


def test_a_hundred_steps_fit_a_small_screen() -> None:
    many: list[AnyRecord] = [
        r.model_copy(update={"step": f"s{n}"})
        for n in range(100)
        for r in (CUT[0], CUT[4].model_copy(update={"deadlines": {}}))
    ]
    text = seen(many, after=timedelta(seconds=9), height=24)
    assert len(text.splitlines()) <= 20
    assert "lines before these" in text


def wait_for(bench: Bench, word: str) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if (bench.top / "home" / "journal.sqlite").exists() and word in bench.stopgap("show", "last")[1]:
            return
        time.sleep(0.1)
    pytest.fail(f"{word} was never shown")


@pytest.mark.parametrize("key", [b"q", b"\x03", b""])
def test_it_follows_a_run_in_a_terminal_until_q_ctrl_c_or_its_end(bench: Bench, key: bytes) -> None:
    runbook = bench.runbook({"id": "ask", "task": "checkpoint", "with": {"ask": "Well?", "reason": "Why"}})
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_for(bench, "asks")
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        code = "import sys; from orchestrator.cli import main; sys.exit(main(sys.argv[1:]))"
        os.execv(sys.executable, [sys.executable, "-c", code, "watch", "last"])
    shown = b""
    end = time.monotonic() + 20
    while b"leaves" not in shown and time.monotonic() < end:
        shown += os.read(terminal, 4096)
    assert b"Well?" in shown
    if key:
        os.write(terminal, key)
    else:
        assert bench.stopgap("answer", "last", "ask", "yes")[0] == 0
    rest = b""
    try:
        while piece := os.read(terminal, 4096):
            rest += piece
    except OSError:
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    if key:
        assert run.poll() is None
        assert bench.stopgap("answer", "last", "ask", "yes")[0] == 0
    else:
        assert re.search(rb"= .*changed|ok, ", rest)
    run.communicate(timeout=20)
    assert run.returncode == 0


def test_without_a_terminal_it_is_shown_once(bench: Bench) -> None:
    bench.run(bench.runbook({"task": "host.command", "with": {"argv": ["true"]}}), "--yes")
    status, out, _ = bench.stopgap("watch", "last")
    assert status == 0
    assert "A runbook of a test" in out

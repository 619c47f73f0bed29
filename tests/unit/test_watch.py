"""Looking on at a run: what a second terminal shows, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sys
import termios
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from stopgap.orchestrator.change import RunCommands, command
from stopgap.orchestrator.cli.view import view
from stopgap.orchestrator.journal import Entry
from stopgap.orchestrator.journal.fold import fold
from stopgap.orchestrator.journal.records import (
    AnyRecord,
    Asked,
    ChangeIntended,
    ChangeMade,
    CheckJudged,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)
from stopgap.orchestrator.question import Question

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
    CheckJudged(step="cut", target="web", vantage="isp", about="silent", holds=True, seen="silent", containment=True),
    StepFinished(
        step="cut", target="web", host="edge", outcome="changed", seconds=1.5,
        deadlines={"have mail accepted again before Thu 26 Nov": "2026-11-26T01:13:00+00:00"},
    ),
    StepStarted(step="mail", target="web", host="web", name="Stop mail", task="t"),
]  # fmt: skip


def seen(
    records: list[AnyRecord], *, after: timedelta, running: bool = True, width: int = 0, height: int = 0,
    started: RunStarted = STARTED,
) -> str:  # fmt: skip
    entries = [Entry(i, START, record) for i, record in enumerate([started, *records])]
    lines = view(fold("r", entries, now=START + after, running=running), width=width, height=height)
    return "\n".join(text for text, _ in lines)


def test_it_shows_what_goes_on_what_is_in_force_and_how_long_there_is() -> None:
    text = seen(CUT, after=timedelta(hours=1))
    assert "+ Cut it off  edge  changed  1.5 s" in text
    assert "> Stop mail  web  running  1 h 0 min" in text
    assert "edge: drop it  71 h 0 min left" in text
    assert "have mail accepted again before Thu 26 Nov  71 h 0 min left" in text


def test_what_an_earlier_run_has_in_force_on_the_same_hosts_is_in_sight_during_the_recovery() -> None:
    earlier = fold("r", [Entry(i, START, r) for i, r in enumerate([STARTED, *CUT])], now=START, running=False)
    now = START + timedelta(hours=70)
    recovery = fold("q", [Entry(0, now, STARTED)], now=now, running=True)
    text = "\n".join(line for line, _ in view(recovery, others=[earlier]))
    assert "edge: drop it  2 h 0 min left" in text
    assert "have mail accepted again before Thu 26 Nov  2 h 0 min left" in text


def test_a_deadline_that_has_passed_says_so_and_is_gone_with_its_change() -> None:
    stays = RunCommands(about="stop it", do=(command("true"),), undo=(command("true"),))
    records = [r.model_copy(update={"change": stays}) if isinstance(r, ChangeIntended) else r for r in CUT]
    assert "Thu 26 Nov  over" in seen(records, after=timedelta(hours=80))
    ended = [*CUT, RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})]
    assert "web: no longer cut off" in seen(ended, after=timedelta(hours=80))
    assert "have mail accepted" not in seen(ended, after=timedelta(hours=80))


def test_a_verdict_that_is_no_longer_fresh_is_told_with_its_time() -> None:
    ended = [*CUT, RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})]
    assert "web: contained" in seen(ended, after=timedelta(minutes=1))
    assert f"web: was contained, {START:%H:%M} UTC" in seen(ended, after=timedelta(hours=1))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 20), (40, 12), (20, 8), (1, 1)])
def test_a_hundred_steps_and_a_question_fit_any_screen(width: int, height: int) -> None:
    names = ("Maintenance page", "メンテナンスページの新しい文面")
    many: list[AnyRecord] = [
        r.model_copy(
            update={"step": f"s{n}", "name": names[n % 2]} if isinstance(r, StepStarted) else {"step": f"s{n}"}
        )
        for n in range(100)
        for r in (CUT[0], CUT[4].model_copy(update={"deadlines": {}}))
    ]
    reason = "\n".join(f"- a key of user{n}, and what others have pinned of it" for n in range(50))
    asked = Asked(step="ask", target="web", question=Question(text="Well?", reason=reason))
    text = seen([*CUT, *many, asked], after=timedelta(seconds=9), width=width, height=height)
    assert len(text.splitlines()) <= height
    assert max(map(cell_len, text.splitlines())) <= width
    if width >= 40:
        assert "asks Well? [yes or no]" in text
        assert "stopgap answer r ask VALUE" in text


def test_a_narrow_screen_cuts_words_and_no_times() -> None:
    text = seen(CUT, after=timedelta(hours=1), width=40, height=20)
    assert re.search(r"^\+ Cut it off +1\.5 s$", text, re.MULTILINE)
    assert re.search(r"^> Stop mail +1 h 0 min$", text, re.MULTILINE)
    assert re.search(
        r"^web: cut off, .*… +71 h 0 min left$|^web: cut off, .*yet +71 h 0 min left$", text, re.MULTILINE
    )


def test_what_went_wrong_stays_in_sight_when_much_came_after() -> None:
    failed = StepFinished(step="cut", target="web", host="edge", outcome="failed", reason="nft: no such table")
    later: list[AnyRecord] = [
        r.model_copy(update={"step": f"s{n}"})
        for n in range(100)
        for r in (CUT[0], CUT[4].model_copy(update={"deadlines": {}}))
    ]
    text = seen([CUT[0], failed, *later], after=timedelta(seconds=9), width=80, height=24)
    assert "! Cut it off" in text
    assert "nft: no such table" in text


def test_it_says_which_steps_are_to_come_and_which_of_them_will_ask() -> None:
    steps = [
        {"id": "cut", "name": "Cut it off", "task": "host.command", "with": {"argv": ["true"]}},
        {"id": "note", "name": "Note it", "task": "host.command", "with": {"argv": ["true"]}},
        {"id": "lift", "name": "Agree to lift", "task": "checkpoint", "with": {"ask": "Well?", "reason": "Why"}},
    ]
    started = STARTED.model_copy(update={"runbook_text": json.dumps({"name": "Contain", "steps": steps})})
    text = seen(CUT[:1], after=timedelta(seconds=9), started=started)
    assert "next question: Agree to lift" in text
    assert [line for line in text.splitlines() if line.startswith(".")] == [". Note it", ". Agree to lift  asks"]
    assert "next question" not in seen([*CUT, RunFinished(outcome="ok", exit_code=0)], after=timedelta(seconds=9))


def test_it_shows_what_the_router_counted_and_how_long_ago() -> None:
    seven = {"vantage": "edge", "about": "drops", "seen": "7 packets to it dropped", "containment": False}
    count = CUT[3].model_copy(update=seven)
    assert "7 packets to it dropped  1 min 40 s ago" in seen([*CUT, count], after=timedelta(seconds=100))


def wait_for(bench: Bench, word: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if (bench.top / "home" / "journal.sqlite").exists() and word in bench.stopgap("show", "last")[1]:
            return
        time.sleep(0.1)
    pytest.fail(f"{word} was never shown")


def in_a_terminal(*argv: str) -> tuple[int, int]:
    """Start a command in a terminal of 80 columns and 24 rows; give its process and the terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        code = "import sys; from stopgap.orchestrator.cli import main; sys.exit(main(sys.argv[1:]))"
        os.execv(sys.executable, [sys.executable, "-c", code, *argv])
    termios.tcsetwinsize(terminal, (24, 80))
    return child, terminal


def read_until(terminal: int, word: bytes) -> bytes:
    """Read what is shown until a word, or the end."""
    shown = b""
    end = time.monotonic() + 60
    with suppress(OSError):
        while word not in shown and time.monotonic() < end and (piece := os.read(terminal, 4096)):
            shown += piece
    return shown


def exit_status(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


END = b"no such word: all that comes"
ASKS = {"id": "ask", "name": "A question", "task": "checkpoint", "with": {"ask": "Well?", "reason": "Because."}}


@pytest.mark.parametrize("key", [b"q", b"\x03", b""])
def test_it_follows_a_run_in_a_terminal_until_q_ctrl_c_or_its_end(bench: Bench, key: bytes) -> None:
    runbook = bench.runbook(ASKS)
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_for(bench, "asks")
    child, terminal = in_a_terminal("watch", "last")
    assert b"Well?" in read_until(terminal, b"leaves")
    if key:
        os.write(terminal, key)
    else:
        assert bench.stopgap("answer", "last", "ask", "yes")[0] == 0
    rest = read_until(terminal, END)
    assert exit_status(child) == 0
    if key:
        assert run.poll() is None
        assert bench.stopgap("answer", "last", "ask", "yes")[0] == 0
    else:
        assert re.search(rb"= .*changed|ok, ", rest)
    run.communicate(timeout=180)
    assert run.returncode == 0


VIEW, PLAIN = b"\x1b[?1049h", b"\x1b[?1049l"
"""What gives the whole terminal to a view, and what takes it away."""


def test_a_run_draws_its_view_and_a_question_takes_it_away_until_it_is_answered(bench: Bench) -> None:
    slow = {"task": "host.command", "with": {"argv": ["sleep", "1.5"]}}
    runbook = bench.runbook({**slow, "id": "first"}, ASKS, {**slow, "id": "last", "name": "The last step"})
    child, terminal = in_a_terminal("run", runbook, "-i", str(bench.inventory), "-t", "a", "--watch")
    assert VIEW not in read_until(terminal, b"[yes/no] ")
    os.write(terminal, b"yes\n")
    assert b"next question: A question" in (drawn := read_until(terminal, b"q leaves the view"))
    assert VIEW in drawn
    os.write(terminal, b"no\n")  # Typed before it was asked: no answer.
    asked = read_until(terminal, b"[yes or no] ")
    assert b"a: Because." in asked.partition(PLAIN)[2]
    os.write(terminal, b"maybe\n")
    assert b"expected yes or no" in read_until(terminal, b"> ")
    os.write(terminal, b"yes\n")
    assert b"The last step" in read_until(terminal, b"q leaves the view").partition(VIEW)[2]
    rest = read_until(terminal, END)
    assert exit_status(child) == 0
    assert b"The last step" in rest.rpartition(PLAIN)[2]
    assert b"Report: " in rest


def test_q_takes_the_view_away_and_the_run_goes_on_with_lines(bench: Bench) -> None:
    runbook = bench.runbook({"name": "A long one", "task": "host.command", "with": {"argv": ["sleep", "3"]}})
    child, terminal = in_a_terminal("run", runbook, "-i", str(bench.inventory), "-t", "a", "--watch", "--yes")
    read_until(terminal, b"q leaves the view")
    os.write(terminal, b"q")
    after = read_until(terminal, END).partition(PLAIN)[2]
    assert exit_status(child) == 0
    assert VIEW not in after
    assert b"A long one" in after


def test_ctrl_c_stops_the_run_and_is_told(bench: Bench) -> None:
    long = {"task": "host.command", "with": {"argv": ["sleep", "3"]}}
    runbook = bench.runbook({**long, "id": "one"}, {**long, "id": "two"})
    child, terminal = in_a_terminal("run", runbook, "-i", str(bench.inventory), "-t", "a", "--watch", "--yes")
    read_until(terminal, b"q leaves the view")
    os.kill(child, signal.SIGINT)
    shown = read_until(terminal, END)
    assert exit_status(child) == 130
    assert b"stopping after what is under way" in shown


def test_without_a_terminal_it_is_shown_once(bench: Bench) -> None:
    bench.run(bench.runbook({"task": "host.command", "with": {"argv": ["true"]}}), "--yes")
    status, out, _ = bench.stopgap("watch", "last")
    assert status == 0
    assert "A runbook of a test" in out

"""watch: look on at a run from any terminal. It reads the journal, and touches neither hosts nor the run."""

from __future__ import annotations

import os
import select
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from orchestrator.cli import screen as screens
from orchestrator.cli.screen import STYLES
from orchestrator.cli.steps import moment
from orchestrator.hosttext import escape
from orchestrator.journal import History, Journal, state_home
from orchestrator.secret import redact

PAUSE = 1.0
"""Seconds between two looks."""
_MARKS = {"changed": "+", "unchanged": "=", "skipped": "-", None: ">"}
_STYLES = {"changed": "good", "unchanged": "quiet", "skipped": "quiet", None: "title"}
_SHOWN = 12
"""Lines of a list on a screen that has no room for all."""


def watch(args: Namespace) -> int:
    """Show a run as it goes on, until it ends, or q or Ctrl-C is pressed; without a terminal, once."""
    screen = screens.out()
    with Journal.open(state_home()) as journal:
        run = journal.resolve(args.run)
        history = journal.history(run)
        if screen.is_terminal and sys.stdin.isatty() and history.state == "running":
            history = _follow(journal, run)
    for text, style in view(history):
        screen.line(text, style)
    return 0


def view(history: History, *, height: int = 0) -> list[tuple[str, str]]:
    """Give the lines of a run as it stands, each with its style; `height`: rows that there are, 0 for any number."""
    most = max(_SHOWN, height // 3) if height else sys.maxsize
    now = history.as_of
    elapsed = left((history.finished_at or now), history.started_at)
    lines = [(history.started.runbook_name, "title"), (f"{history.run}  {history.state}, {elapsed}", "quiet")]
    for asked in history.waiting if history.state == "running" else ():
        lines.append((f"asks {asked.question.text} [{asked.question.expected}]", "warn"))
        lines.append((f"     stopgap answer {history.run} {asked.step} VALUE", "warn"))
    for each in history.containment:
        word = each.verdict if each.in_force else "no longer cut off"
        until = f", {left(each.until, now)} left" if each.until and each.in_force else ""
        style = "good" if word == "contained" else "bad" if word == "partly" else "warn"
        lines.append((f"{each.target}: {word}{until}", style))
    lines += [(f"{host}: not reached: {reason}", "bad") for host, reason in history.unreachable.items()]
    lines += _last([("", ""), *_steps(history)], most)
    standing = history.in_force()
    if standing:
        lines += [("", ""), ("in force", "title")]
        lines += [(f"  {c.host}: {c.change.describe()}; {_until(c.ends, now)}", "") for c in standing[:most]]
        lines += [(f"  and {len(standing) - most} more", "quiet")] if len(standing) > most else []
    for text, due in history.deadlines():
        over = due <= now
        lines.append((f"  {text} ({'over' if over else left(due, now) + ' left'})", "bad" if over else "warn"))
    unsent = [m for m in history.messages if m.state != "sent"]
    if history.messages:
        sent = len(history.messages) - len(unsent)
        lines.append((f"told {sent}, not told or not known {len(unsent)}", "bad" if unsent else "quiet"))
    return lines


def left(until: datetime, now: datetime) -> str:
    """Give the time between two moments, short: `71 h 59 min`, `12 s`."""
    seconds = max(0, round((until - now).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def _steps(history: History) -> Iterator[tuple[str, str]]:
    for step in history.steps:
        going = step.outcome is None
        took = left(history.as_of, step.started) if going and step.started else f"{step.seconds:.1f} s"
        word = step.outcome or ("running" if history.state == "running" else "interrupted")
        mark = _MARKS.get(step.outcome, "!")
        style = _STYLES.get(step.outcome, "bad")
        yield f"{mark} {step.name}  {step.host}  {word}  {took}", style
        if step.reason and style == "bad":
            yield f"    {step.reason}", "bad"


def _last(lines: list[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    """Keep what went wrong and what came last."""
    if len(lines) <= most:
        return lines
    return [("", ""), (f"… {len(lines) - most} lines before these: stopgap show", "quiet"), *lines[-most:]]


def _until(ends: datetime | None, now: datetime) -> str:
    return f"{left(ends, now)} left, until {moment(ends)}" if ends else "until undone"


def _follow(journal: Journal, run: str) -> History:
    """Draw the run again and again; give it as it was last seen."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)

    def drawn(history: History) -> Text:
        text = Text(overflow="fold")
        for line, style in view(history, height=console.size.height):
            text.append(escape(redact(line)) + "\n", style=STYLES.get(style, ""))
        return text.append("q leaves; the run goes on", style="dim")

    history = journal.history(run)
    live = Live(drawn(history), console=console, screen=True, auto_refresh=False)
    with suppress(KeyboardInterrupt), _keys() as pressed, live:
        while history.state == "running" and not pressed(PAUSE):
            history = journal.history(run)
            live.update(drawn(history), refresh=True)
    return history


@contextmanager
def _keys() -> Iterator[_Pressed]:
    """Read single keys without echo; the terminal is put back however the block is left."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield _Pressed(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class _Pressed:
    """Waits for the key that leaves."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, seconds: float) -> bool:
        """Wait so long at most; tell whether q was pressed, or the terminal has gone."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            if select.select([self._descriptor], [], [], rest)[0] and os.read(self._descriptor, 1) in {
                b"q",
                b"Q",
                b"",
            }:
                return True
        return False

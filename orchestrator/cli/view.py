"""The view of a running run: lines for any screen, made from the history. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from stopgap.orchestrator.cli.screen import said, shown
from stopgap.orchestrator.cli.words import named, own_name, step_place, worded
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.records import CheckJudged, step_of
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook import Step, parse_runbook
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.text import tr

Line: TypeAlias = tuple[str, str]
"""Text, and the name of its style."""

_MARKS = {"changed": "+", "unchanged": "=", "skipped": "-", None: ">"}
_STYLES = {"changed": "good", "unchanged": "quiet", "skipped": "quiet", None: "title"}
_FRESH = timedelta(minutes=5)
"""How old a verdict may be before its time is told with it."""
_NARROW = 60
"""Columns below which a line has no room for what its mark tells."""
_LEAST = 4
"""Lines that a list gets on the smallest screen."""


def view(history: History, *, others: Sequence[History] = (), width: int = 0, height: int = 0) -> list[Line]:
    """Return the lines of a run in the present state; with `width` and `height`, at most a screen of such size.

    `others` are runs with changes in force on the same targets, listed with the time left, like the run's own
    changes. On a screen, questions with answer commands take up to half the height; of lists, failures and the latest
    entries are kept.
    """
    head = [*_heading(history), *_fitted(_questions(history), width, height // 2), *_cut_off(history, width)]
    head += [
        (tr("{host}: not reached: {reason}", host=host, reason=reason), "bad")
        for host, reason in history.unreachable.items()
    ]
    tail = [*_deadlines([history, *others], history.as_of, width), *_told(history)]
    steps = list(_steps(history, width))
    coming = list(_coming(history, width))
    standing = [line for each in (history, *others) for line in _standing(each, history.as_of, width)]
    if not height:
        return [*head, ("", ""), *steps, *coming, *(_headed(tr("in force"), standing)), *tail]
    room = height - len(head) - len(tail) - (3 if standing else 1)
    for_standing = min(len(standing), max(_LEAST, room // 2, room - len(steps) - len(coming)))
    for_steps = max(_LEAST, room - for_standing)
    steps = _last(steps, for_steps)
    coming = _first(coming, for_steps - len(steps))
    lines = [*head, ("", ""), *steps, *coming, *_headed(tr("in force"), _first(standing, for_standing)), *tail]
    return [(_clipped(text, width), style) for text, style in lines[:height]]


def left(until: datetime, now: datetime) -> str:
    """Give the time between two moments, short: `71 h 59 min`, `12 s`."""
    seconds = max(0, round((until - now).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return tr("{seconds} min {seconds2} s", seconds=seconds // 60, seconds2=seconds % 60)
    return tr("{seconds} h {seconds2} min", seconds=seconds // 3600, seconds2=seconds % 3600 // 60)


def _heading(history: History) -> Iterator[Line]:
    elapsed = left((history.finished_at or history.as_of), history.started_at)
    if history.damage:
        yield tr("damaged: {damage}", damage=history.damage[0]), "bad"
    yield own_name(history), "title"
    yield tr("{run}  {state}, {elapsed}", run=history.run, state=word_of(history.state), elapsed=elapsed), "quiet"


def _questions(history: History) -> Iterator[Line]:
    """Yield the questions waiting for a person; without any, the questions to come."""
    if history.state != "running":
        return
    for asked in history.waiting:
        if asked.count:
            yield step_place(asked.target, asked.number, asked.count), "warn"
        yield (
            tr("asks {question} [{expected}]", question=worded(asked.question)[0], expected=asked.question.expected),
            "warn",
        )
        yield tr("     stopgap answer {run} {step} VALUE", run=history.run, step=asked.step), "warn"
        for line in said(worded(asked.question)[1]).splitlines():
            yield f"     {line}", "quiet"
    if not history.waiting and (step := next((s for s in _ahead(history) if _asks(s)), None)):
        yield tr("next question: {step}", step=named(step.name, step.name_ja)), "quiet"


def _cut_off(history: History, width: int) -> Iterator[Line]:
    for each in history.containment:
        word: str = word_of(each.verdict) if each.in_force else tr("no longer cut off")
        style = "warn" if not each.in_force else {"contained": "good", "partly": "bad"}.get(each.verdict, "warn")
        if history.state == "running" and each.in_force:
            word, style = tr("cut off, not judged yet"), "good"
        elif each.in_force and each.proved_at and history.as_of - each.proved_at > _FRESH:
            word, style = (
                tr("was {word}, {proved_at} UTC", word=word, proved_at=f"{each.proved_at:%H:%M}"),
                "warn" if style == "good" else style,
            )
        until = (tr("{left} left", left=left(each.until, history.as_of)),) if each.until and each.in_force else ()
        yield _beside(tr("{target}: {word}", target=each.target, word=word), until, width), style


def _steps(history: History, width: int) -> Iterator[Line]:
    for step in history.steps:
        going = step.outcome is None
        took = left(history.as_of, step.started) if going and step.started else f"{step.seconds:.1f} s"
        word = step.outcome or ("running" if history.state == "running" else "interrupted")
        style = _STYLES.get(step.outcome, "bad")
        fields = [step.host, said(word_of(word)), said(took)]
        if 0 < width < _NARROW:  # The mark alone shows success.
            fields = [
                *([step.host] if step.host in _hosts(history) else []),
                *([said(word_of(word))] if style == "bad" else []),
                said(took),
            ]
        yield _beside(f"{_MARKS.get(step.outcome, '!')} {own_name(history, step.name)}", fields, width), style
        if step.reason and style == "bad":
            yield f"    {said(step.reason)}", "bad"


def _hosts(history: History) -> set[str]:
    return {host.name for host in history.started.hosts}


def _coming(history: History, width: int) -> Iterator[Line]:
    for step in _ahead(history):
        yield _beside(f". {named(step.name, step.name_ja)}", (tr("asks"),) if _asks(step) else (), width), "quiet"


def _standing(history: History, now: datetime, width: int) -> Iterator[Line]:
    """Yield the changes in force, with the time left, and the last counters of a dropping router."""
    looked = {e.record: e.at for e in history.entries if isinstance(e.record, CheckJudged)}
    cutting = {(c.step, c.target) for c in history.checks if c.containment}
    counters: dict[tuple[str, str, str], CheckJudged] = {}
    for check in history.checks:
        if (check.step, check.target) in cutting and check.holds and not check.containment:
            counters.setdefault((check.step, check.target, check.vantage), check)
    for change in history.in_force():
        until = tr("{left} left", left=left(change.ends, now)) if change.ends else tr("until undone")
        yield _beside(f"  {change.host}: {said(change.change.describe())}", (until,), width), ""
        count = counters.get((change.step, change.target, change.host))
        if count and count in looked:
            yield (
                _beside(f"    {said(count.seen)}", (tr("{left} ago", left=left(now, looked.pop(count))),), width),
                "quiet",
            )


def _deadlines(histories: Sequence[History], now: datetime, width: int) -> Iterator[Line]:
    found = dict.fromkeys(each for history in histories for each in history.deadlines())
    for text, due in sorted(found, key=lambda each: each[1]):
        over = due <= now
        time = tr("over") if over else tr("{left} left", left=left(due, now))
        yield _beside(f"  {said(text)}", (time,), width), "bad" if over else "warn"


def _told(history: History) -> Iterator[Line]:
    if history.messages:
        unsent = sum(message.state != "sent" for message in history.messages)
        yield (
            tr("told {count}, not told or not known {unsent}", count=len(history.messages) - unsent, unsent=unsent),
            "bad" if unsent else "quiet",
        )


def _ahead(history: History) -> Sequence[Step]:
    """Return the steps not begun on any target; none after the end of the run, or for an unreadable runbook."""
    if history.state != "running":
        return ()
    begun = {step_of(step.step) for step in history.steps}
    return [step for step in _runbook(history.started.runbook_text) if step.id not in begun]


@lru_cache(maxsize=4)
def _runbook(text: str) -> tuple[Step, ...]:
    try:
        return parse_runbook(text, "").steps
    except InvalidInput:
        return ()


def _asks(step: Step) -> bool:
    return step.confirm is not None or (step.task in tasks() and tasks()[step.task].may_ask)


def _beside(text: str, fields: Iterable[str], width: int) -> str:
    """Place fields at the right of a text; without room for all, the text is cut."""
    right = "  ".join(map(said, fields))
    if not width:
        return f"{said(text)}  {right}".rstrip()
    return f"{_clipped(text, width - cell_len(right) - 2, pad=True)}  {right}".rstrip()


def _clipped(text: str, width: int, *, pad: bool = False) -> str:
    """Cut a text at the width; a character of two columns is never halved."""
    words = shown(text)
    if cell_len(words) <= width:
        return set_cell_size(words, width) if pad else words
    return set_cell_size(words, max(0, width - 1)) + "…"


def _fitted(lines: Iterable[Line], width: int, height: int) -> list[Line]:
    """Fold lines at the width; excess lines are cut, with a note."""
    if not width:
        return list(lines)
    folded = [(part, style) for text, style in lines for part in _folded(shown(text), width)]
    return _first(folded, max(_LEAST, height))


def _folded(text: str, width: int) -> Iterator[str]:
    """Break a line at spaces, or anywhere without spaces; the following lines have the same indent."""
    indent = " " * min(len(text) - len(text.lstrip()), width // 2)
    while cell_len(text) > width:
        end = next(n for n in range(len(text), 0, -1) if n == 1 or cell_len(text[:n]) <= width)
        space = text.rfind(" ", width // 2, end + 1)
        end = space if space > 0 else end
        yield text[:end]
        text = indent + text[end:].lstrip(" ")
    yield text


def _headed(title: str, lines: Sequence[Line]) -> list[Line]:
    return [("", ""), (title, "title"), *lines] if lines else []


def _first(lines: list[Line], most: int) -> list[Line]:
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], (tr("… {count} more", count=len(lines) - most + 1), "quiet")] if most > 0 else []


def _last(lines: list[Line], most: int) -> list[Line]:
    """Keep the failures and the latest lines."""
    if len(lines) <= most:
        return lines
    ranked = sorted(range(len(lines)), key=lambda place: (lines[place][1] == "bad", place), reverse=True)
    kept = sorted({len(lines) - 1, *ranked[: max(1, most - 1)]})[-max(1, most - 1) :]
    count = len(lines) - len(kept)
    return [(tr("… {count} lines before or between these", count=count), "quiet"), *(lines[place] for place in kept)]

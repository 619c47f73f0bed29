"""Decisions on a numbered list: one typed line decides every item.

`1-20 gone; 21 accepted: our own tool; rest open`. Numbers, ranges, `all` and `rest`; `accepted` needs a reason, and
may have a last day: `21 accepted until 2026-12-31: our own tool`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias, cast, get_args

from stopgap.orchestrator.source import Unfit, quoted
from stopgap.orchestrator.text import tr

DecisionWord: TypeAlias = Literal["gone", "accepted", "open"]
"""`gone`: removed, and seen to be gone. `accepted`: it stays, for a reason. `open`: not settled."""

EXPECTED = tr("each number once, as in: 1-3 gone; 4 accepted: REASON; rest open")
_WORDS: dict[str, DecisionWord] = {
    **{word: word for word in get_args(DecisionWord)},
    "駆除済み": "gone",
    "リスク受容": "accepted",
    "未解決": "open",
}
_PART = re.compile(
    r"(?P<which>all|rest|[0-9][0-9, -]*) *(?P<word>"
    + "|".join(_WORDS)
    + r")( +until +(?P<until>[0-9]{4}-[0-9]{2}-[0-9]{2}))? *([:：] *(?P<reason>.+))?",
    re.ASCII,
)
_SHOWN = 10
"""Numbers that a message names."""


@dataclass(frozen=True)
class Decision:
    """What a person decided about one item."""

    item: str
    word: DecisionWord
    reason: str = ""
    until: date | None = None
    """Last day of an acceptance; None: no end."""


def parse_decisions(line: str, items: Sequence[str]) -> tuple[Decision, ...]:
    """Return the decision on each item, in the order of `items`; raises Unfit unless each item is decided once."""
    decided: dict[int, Decision] = {}
    for part in filter(None, (part.strip() for part in line.split(";"))):
        found = _PART.fullmatch(part)
        if not found:
            raise Unfit(tr("{part} is no decision", part=quoted(part[:60])), EXPECTED)
        word = _WORDS[found["word"]]
        reason = (found["reason"] or "").strip()
        if word == "accepted" and not reason:
            raise Unfit(tr("{part} says no reason", part=quoted(part[:60])), "accepted: REASON")
        until = _day(found["until"]) if found["until"] else None
        if until and word != "accepted":
            raise Unfit(tr("{part}: only what is accepted has an end", part=quoted(part[:60])), EXPECTED)
        for number in _numbers(found["which"], len(items), decided):
            if number in decided:
                raise Unfit(tr("{number} is decided twice", number=number), EXPECTED)
            decided[number] = Decision(items[number - 1], word, reason, until)
    missing = [number for number in range(1, len(items) + 1) if number not in decided]
    if missing:
        raise Unfit(tr("nothing is said of {missing}", missing=_ranges(missing)), EXPECTED)
    return tuple(decided[number] for number in sorted(decided))


def written_decisions(decisions: Sequence[Decision]) -> str:
    """Return decisions as one line, equal for equal decisions; `parse_decisions` reads the line."""
    groups: dict[tuple[DecisionWord, str, date | None], list[int]] = {}
    for number, each in enumerate(decisions, 1):
        groups.setdefault((each.word, each.reason, each.until), []).append(number)
    return "; ".join(
        f"{_ranges(numbers, shown=len(numbers))} {word}"
        + (f" until {until}" if until else "")
        + (f": {reason}" if reason else "")
        for (word, reason, until), numbers in groups.items()
    )


def _numbers(which: str, count: int, decided: Iterable[int]) -> Iterable[int]:
    if which == "all":
        return range(1, count + 1)
    if which == "rest":
        taken = set(decided)
        return [number for number in range(1, count + 1) if number not in taken]
    found: list[int] = []
    for piece in which.replace(" ", "").strip(",").split(","):
        first, _, last = piece.partition("-")
        if not all(part.isdecimal() and len(part) <= 6 for part in (first, last or first)):
            raise Unfit(tr("{piece} is no number of the list", piece=quoted(piece)), EXPECTED)
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= count:
            raise Unfit(tr("{piece} is not on the list", piece=piece), tr("numbers from 1 to {count}", count=count))
        found += range(low, high + 1)
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unfit(tr("{text} is no date", text=quoted(text)), tr("a day, such as 2026-12-31")) from None


def _ranges(numbers: Sequence[int], shown: int = _SHOWN) -> str:
    """Return sorted numbers as `1-3, 7`; of long lists the first pieces."""
    pieces: list[list[int]] = []
    for number in numbers:
        if pieces and number == pieces[-1][-1] + 1:
            pieces[-1] = [pieces[-1][0], number]
        else:
            pieces.append([number, number])
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in pieces]
    more = tr(" and {count} more", count=len(texts) - shown) if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + more


def decision_word(text: str) -> DecisionWord | None:
    """Return the decision of an answer in the words of version 0.1: `resolved`, `accepted`, `open`."""
    old = {"resolved": "gone"}.get(text, text)
    return cast("DecisionWord", old) if old in get_args(DecisionWord) else None

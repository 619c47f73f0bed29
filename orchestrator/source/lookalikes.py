"""Lookalikes of YAML's ASCII syntax: full-width characters of a Japanese or Chinese keyboard, typographic quotes.

In prose such characters are correct. In place of a colon, an indentation or a quote, and in an address, a number or a
name, such characters are errors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from stopgap.orchestrator.source.problem import Position, Problem

_TYPOGRAPHIC = {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "−": "-", "、": ",", "。": "."}
_WIDE = "\uff01-\uff5e\u3000" + "".join(_TYPOGRAPHIC)
_LOOKALIKE = re.compile(f"[{_WIDE}]")
_KEY = r"[\"'“”]?[A-Za-z_][A-Za-z0-9_.-]*[\"'“”]?"
_STRUCTURE = (
    re.compile(r"^ *(\u3000)"),
    re.compile(r"^[ \u3000]*([－–—−])[ \u3000]"),
    re.compile(rf"(?:^|[{{\[,，｛［]|- |\t|\u3000) *{_KEY}[ \u3000]*(：)"),
    re.compile(rf"(?:^|[{{,]) *(?:- )?{_KEY} *:(\u3000)"),
    re.compile(r"(?:[:：]|- |[\[{,]) *([“”„‘’])"),
    re.compile(r"(?:[:：]|- ) *([［｛])"),
    re.compile(r"^[ \u3000]*(＃)"),
)
"""A lookalike in place of a character of YAML's structure; the regular expression's group is the lookalike."""
_BLOCK = re.compile(r"(?:^|[\s:-])[|>][-+0-9]{0,2}\s*(?:#.*)?$")


def plain(text: str) -> str | None:
    """Return the text with ASCII in place of lookalikes; `None` if the result is not ASCII.

    >>> plain("１２３")
    '123'
    """
    if text.isascii():
        return None
    made = "".join(_TYPOGRAPHIC.get(c, unicodedata.normalize("NFKC", c)) for c in text[:1000])
    return made if made.isascii() else None


def first_in(text: str) -> int | None:
    """Return the index of the first lookalike in a text, counted from 0.

    >>> first_in("a：b")
    1
    """
    found = _LOOKALIKE.search(text)
    return found.start() if found else None


def structure_problems(text: str, path: str) -> Iterator[Problem]:
    """Yield a problem for each lookalike in place of a colon, an indentation, a dash or a quote.

    Block texts (`|`, `>`) and comments are skipped.
    """
    block: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip(" "))
        if block is not None and (not line.strip() or indent > block):
            continue
        block = indent if _BLOCK.search(line) else None
        if line.isascii() or line.lstrip().startswith("#"):
            continue
        places = sorted({match.start(1) for pattern in _STRUCTURE for match in pattern.finditer(line)})
        for place in places:
            yield problem_at(path, Position(number, place + 1), line[place])


def problem_at(path: str, position: Position, character: str) -> Problem:
    """Return the problem of one character."""
    meant = plain(character) or ""
    shown = "a space" if meant == " " else f"`{meant}`"
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    where = "" if character == "\u3000" else f" {character}"
    return Problem(
        path, f"the {name}{where} stands where YAML wants {shown}", position, hint=f"type {shown} in ASCII"
    )

"""Characters of a Japanese or Chinese keyboard, and typographic quotes, where YAML wants ASCII ones.

They are no fault in a text that people read. They are one in the place of a colon, an indentation or a quote, and in
a value that has to be an address, a number or a name.
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
"""Where a character stands in the place of one that makes the structure of YAML; the group is the character."""
_BLOCK = re.compile(r"(?:^|[\s:-])[|>][-+0-9]{0,2}\s*(?:#.*)?$")


def plain(text: str) -> str | None:
    """Give the text with ASCII in place of what looks like it; None where that does not make it ASCII."""
    if text.isascii():
        return None
    made = "".join(_TYPOGRAPHIC.get(c, unicodedata.normalize("NFKC", c)) for c in text[:1000])
    return made if made.isascii() else None


def first_in(text: str) -> int | None:
    """Give the place of the first such character of a text, counted from 0."""
    found = _LOOKALIKE.search(text)
    return found.start() if found else None


def structure_problems(text: str, path: str) -> Iterator[Problem]:
    """Give a problem for each place where such a character stands for a colon, an indentation, a dash or a quote.

    Texts in blocks (`|`, `>`) and comments are passed over.
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
    """Make the problem of one character."""
    meant = plain(character) or ""
    shown = "a space" if meant == " " else f"`{meant}`"
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    where = "" if character == "\u3000" else f" {character}"
    return Problem(
        path, f"the {name}{where} stands where YAML wants {shown}", position, hint=f"type {shown} in ASCII"
    )

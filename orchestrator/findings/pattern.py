"""Patterns of rules, searched in text from a host by RE2: in a time that grows as the text does, not as its square.

RE2 has neither lookaround nor references back to what a group matched (its page "Syntax"). A pattern with one of them
is searched by Python's `re`, in the beginning of the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import re2

BACKTRACKED = 2048
"""Characters of a text that a pattern sees which RE2 cannot search: its time may grow with a power of them."""
_MEMORY = 32 << 20
"""Bytes for the automata of one pattern; RE2 goes on without one where these do not suffice."""
_READ_OTHERWISE = re.compile(r"\{,|\[\[:")
"""What RE2 and Python read as different things, without an error from either."""


def check_pattern(pattern: str) -> None:
    """Raise ValueError for what is no regular expression (Python's)."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"no regular expression: {error}") from None


def finder(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Give the test whether one of several patterns, which are regular expressions, is found in a text."""
    linear = [pattern for pattern in patterns if _linear(pattern)]
    others = [re.compile(pattern) for pattern in patterns if not _linear(pattern)]
    # Of one pattern for all, a text is searched once; where RE2 finds that too large, each by itself.
    joined = _linear("|".join(f"(?:{pattern})" for pattern in linear)) if linear else None
    automata = [joined] if joined else [_linear(pattern) for pattern in linear]

    def found(text: str) -> bool:
        # Lone surrogates stand for bytes that are not UTF-8 (PEP 383), and are characters to a pattern.
        content = text.encode("utf-8", "surrogatepass") if automata else b""
        return any(automaton.search(content) for automaton in automata) or any(
            pattern.search(text[:BACKTRACKED]) for pattern in others
        )

    return found


def searcher(pattern: str) -> Callable[[str], bool]:
    """Give the test whether a pattern of the operator's own is found in a text, however long the text is.

    One that RE2 cannot search may take as long as its author lets it.
    """
    if automaton := _linear(pattern):
        return lambda text: bool(automaton.search(text.encode("utf-8", "surrogatepass")))
    backtracking = re.compile(pattern)
    return lambda text: bool(backtracking.search(text))


@lru_cache(maxsize=4096)
def _linear(pattern: str) -> Any:  # noqa: ANN401 (re2 has no types)
    """Compile a pattern for RE2; None where RE2 cannot search it, or takes it for something else than Python does."""
    if _READ_OTHERWISE.search(pattern):
        return None
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None

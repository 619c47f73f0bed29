"""Pattern search in a host's text by RE2: linear time, not quadratic.

RE2 supports neither lookaround nor backreferences (page "Syntax" of RE2). Python's `re` searches a pattern with
either feature, in the beginning of the text only.
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


def automaton(pattern: str, *, captures: bool = True, memory: int = _MEMORY, of_bytes: bool = False) -> re2._Regexp:
    """Return a pattern as RE2 compiles the pattern, without a message on standard error.

    Args:
        pattern: a regular expression in RE2's syntax.
        captures: False: the groups are not kept, which is faster.
        memory: bytes for the automata.
        of_bytes: True: each byte of a text counts as a character (Latin-1), and none as a part of UTF-8.

    Raises re2.error.

    >>> bool(automaton("a+b", captures=False).search("xaab"))
    True
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not captures
    options.max_mem = memory
    if of_bytes:
        options.encoding = re2.Options.Encoding.LATIN1
        return re2.compile(pattern.encode("latin-1"), options)
    return re2.compile(pattern, options)


def check_pattern(pattern: str) -> None:
    """Raise ValueError for an invalid regular expression (Python's syntax)."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"no regular expression: {error}") from None


def finder(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a test of a text against several regular expressions: True if any matches."""
    linear = [pattern for pattern in patterns if _linear(pattern)]
    others = [re.compile(pattern) for pattern in patterns if not _linear(pattern)]
    # All patterns are joined for a single search; if too large for RE2, each pattern is searched separately.
    joined = _linear("|".join(f"(?:{pattern})" for pattern in linear)) if linear else None
    automata = [joined] if joined else [_linear(pattern) for pattern in linear]

    if len(automata) == 1 and not others:
        search_for = automata[0].search
        return lambda text: search_for(text.encode("utf-8", "surrogatepass")) is not None

    def found(text: str) -> bool:
        # Lone surrogates stand for non-UTF-8 bytes (PEP 383), and count as characters for a pattern.
        content = text.encode("utf-8", "surrogatepass") if automata else b""
        return any(automaton.search(content) for automaton in automata) or any(
            pattern.search(text[:BACKTRACKED]) for pattern in others
        )

    return found


_GROUP = 12
"""Patterns of `matching` that are searched together first: about the root of a hundred."""


def matching(patterns: Sequence[str]) -> Callable[[str], tuple[int, ...]]:
    """Return the places of the patterns that match a text, in order, as `search` searches each.

    Args:
        patterns: regular expressions of this program's own.

    >>> matching(["^/etc/", "cron", "log$"])("/etc/cron.d/x")
    (0, 1)
    """
    linear = [place for place, pattern in enumerate(patterns) if _capturing(pattern) is not None]
    others = [place for place in range(len(patterns)) if place not in linear]
    groups = [linear[first : first + _GROUP] for first in range(0, len(linear), _GROUP)]
    gates = [(_linear("|".join(f"(?:{patterns[place]})" for place in group)), group) for group in groups]

    def found(text: str) -> tuple[int, ...]:
        content = text.encode("utf-8", "surrogatepass")
        likely = [place for gate, group in gates if gate is None or gate.search(content) for place in group]
        return tuple(place for place in sorted(likely + others) if search(patterns[place], text) is not None)

    return found


def searcher(pattern: str) -> Callable[[str], bool]:
    """Return a test of a text, of any length, against an operator's pattern.

    A pattern without support in RE2 may take exponential time.
    """
    if automaton := _linear(pattern):
        return lambda text: bool(automaton.search(text.encode("utf-8", "surrogatepass")))
    backtracking = re.compile(pattern)
    return lambda text: bool(backtracking.search(text))


LOOKED_AROUND = 512
"""Characters of a text that `search` shows to a pattern which RE2 cannot search."""


def search(pattern: str, text: str) -> dict[str, str | None] | None:
    """Return the named groups of the first match of a pattern of this program's own; None without a match."""
    if (automaton := _capturing(pattern)) is None:
        found = _backtracking(pattern).search(text[:LOOKED_AROUND])
        return found.groupdict() if found else None
    matched = automaton.search(text.encode("utf-8", "surrogatepass"))
    if matched is None:
        return None
    groups = matched.groupdict()
    return {name: None if value is None else value.decode("utf-8", "replace") for name, value in groups.items()}


@lru_cache(maxsize=1024)
def _backtracking(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(maxsize=1024)
def _capturing(pattern: str) -> Any:  # noqa: ANN401 (re2 has no types)
    try:
        return automaton(pattern)
    except re2.error:
        return None


@lru_cache(maxsize=4096)
def _linear(pattern: str) -> Any:  # noqa: ANN401 (re2 has no types)
    """Compile a pattern for RE2; None if RE2 lacks support, or interprets the pattern unlike Python."""
    if _READ_OTHERWISE.search(pattern):
        return None
    try:
        return automaton(pattern, captures=False)
    except re2.error:
        return None

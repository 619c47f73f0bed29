"""`-p KEY=VALUE` of the command line."""

from __future__ import annotations

from collections.abc import Iterable

from stopgap.orchestrator.source import InvalidInput, Problem, lookalikes


def pairs(words: Iterable[str]) -> dict[str, str]:
    """Read the words behind each `-p`; raises InvalidInput."""
    given: dict[str, str] = {}
    problems = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key:
            if key in given:
                problems.append(Problem(f"-p {word}", f"{key} has a value already", expected="each parameter once"))
            given[key] = value
            continue
        meant = lookalikes.plain(word)
        hint = f"full-width or typographic characters; type -p {meant}" if meant else None
        problems.append(Problem(f"-p {word}", "this gives no parameter a value", expected="KEY=VALUE", hint=hint))
    if problems:
        raise InvalidInput(problems)
    return given

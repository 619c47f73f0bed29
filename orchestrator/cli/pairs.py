"""`-p KEY=VALUE` of the command line."""

from __future__ import annotations

from collections.abc import Iterable

from stopgap.orchestrator.source import InvalidInput, Problem, lookalikes
from stopgap.orchestrator.text import tr


def pairs(words: Iterable[str], option: str = "-p") -> dict[str, str]:
    """Read the words behind each `-p`, or another option; raises InvalidInput."""
    given: dict[str, str] = {}
    problems = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key:
            if key in given:
                problems.append(
                    Problem(
                        f"{option} {word}",
                        tr("{key} has a value already", key=key),
                        expected=tr("each parameter once"),
                    )
                )
            given[key] = value
            continue
        meant = lookalikes.plain(word)
        hint = (
            tr("full-width or typographic characters; type {option} {meant}", option=option, meant=meant)
            if meant
            else None
        )
        problems.append(
            Problem(f"{option} {word}", tr("this gives no parameter a value"), expected="KEY=VALUE", hint=hint)
        )
    if problems:
        raise InvalidInput(problems)
    return given

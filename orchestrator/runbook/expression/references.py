"""The names referred to by templates and expressions, without an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from stopgap.orchestrator.runbook.expression.failure import ExpressionError
from stopgap.orchestrator.runbook.expression.grammar import (
    free_names,
    is_template,
    members,
    parse_expression,
    parse_template,
)


def references(value: object, *, expression: bool = False) -> set[tuple[str, ...]]:
    """Return the names in a value's templates (or an expression), two words deep; empty for a syntax error."""
    if isinstance(value, str):
        return set(_references(value, expression)) if expression or is_template(value) else set()
    found: set[tuple[str, ...]] = set()
    if isinstance(value, (list, Mapping)):
        for part in value.values() if isinstance(value, Mapping) else value:
            found |= references(part)
    return found


@lru_cache(maxsize=1024)
def _references(text: str, expression: bool) -> frozenset[tuple[str, ...]]:
    try:
        tree = parse_expression(text) if expression else parse_template(text)
    except ExpressionError:
        return frozenset()
    return frozenset({path[:2] for path in members(tree)} | {(name,) for name in free_names(tree)})

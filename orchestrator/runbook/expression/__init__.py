"""Expressions and templates of a runbook: Jinja2's syntax, evaluated once, within bounds of time and memory.

Visible names are parameters, the inventory and the results of steps. A runbook from a stranger can be checked safely:
the grammar is a closed set of nodes, filters, tests and methods, and an evaluation pays from a budget for every value
read or made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.runbook.expression.budget import OF_CHECK, OF_ONE, Budget
from stopgap.orchestrator.runbook.expression.evaluation import Evaluation
from stopgap.orchestrator.runbook.expression.failure import ExpressionError, first_line
from stopgap.orchestrator.runbook.expression.grammar import (
    free_names,
    is_template,
    lone_expression,
    members,
    parse_expression,
    parse_template,
)
from stopgap.orchestrator.runbook.expression.references import references
from stopgap.orchestrator.runbook.expression.view import View, identifier
from stopgap.orchestrator.secret import Secret

__all__ = [
    "OF_CHECK",
    "Budget",
    "ExpressionError",
    "View",
    "evaluate",
    "free_names",
    "identifier",
    "is_template",
    "members",
    "parse_expression",
    "parse_template",
    "references",
    "render_value",
]


def evaluate(expression: str, names: Mapping[str, object], budget: Budget | None = None) -> Any:  # noqa: ANN401
    """Evaluate an expression, without braces, and return the typed value; raises ExpressionError.

    `budget` is charged too, beside the expression's own budget.
    """
    node = lone_expression(parse_expression(expression))
    return _settled(node, names, Budget(OF_ONE, budget))


def render_value(value: Any, names: Mapping[str, object], budget: Budget | None = None) -> Any:  # noqa: ANN401
    """Render the templates in a value at any depth; rendered text is never rendered again.

    A text of a single `{{ expression }}` gives the typed value of the expression; any other text gives text. Raises
    ExpressionError.
    """
    if isinstance(value, str):
        return _render_text(value, names, Budget(OF_ONE, budget)) if is_template(value) else value
    if isinstance(value, list):
        return [render_value(item, names, budget) for item in value]
    if isinstance(value, dict):
        return {key: render_value(item, names, budget) for key, item in value.items()}
    return value


def _render_text(text: str, names: Mapping[str, object], budget: Budget) -> Any:  # noqa: ANN401
    if (node := lone_expression(parse_template(text.strip()))) is not None:
        return _settled(node, names, budget)
    tree = parse_template(text)
    try:
        return Evaluation(names, budget).text(tree.body)
    except ExpressionError:
        raise
    except Exception as error:  # Operators, filters and methods raise many types for unfit operands.
        raise ExpressionError(first_line(error)) from error


def _settled(node: Any, names: Mapping[str, object], budget: Budget) -> Any:  # noqa: ANN401
    """Return the value of an expression; a missing value is an error. A secret is allowed as the whole value only."""
    try:
        value = Evaluation(names, budget).value(node)
        if not isinstance(value, Secret):
            budget.take(value)
    except ExpressionError:
        raise
    except Exception as error:
        raise ExpressionError(first_line(error)) from error
    return value

"""The grammar of expressions and templates: Jinja2's syntax, restricted to a closed set of nodes.

Jinja2 parses and does not compile: `evaluation` evaluates the tree, and knows the accepted nodes only.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.runbook.expression.failure import ExpressionError, first_line
from stopgap.orchestrator.runbook.expression.filters import FILTERS
from stopgap.orchestrator.runbook.expression.operators import ARITHMETIC
from stopgap.orchestrator.runbook.expression.tests import TESTS
from stopgap.orchestrator.source import did_you_mean, quoted

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

MAX_LENGTH = 64 << 10
"""Most characters of an expression, or of a text with templates."""
MAX_DEPTH = 100
"""Most nodes from the root of a tree to the deepest leaf."""
EXPRESSIONS = frozenset(ARITHMETIC) | {
    "And", "Call", "Compare", "Concat", "CondExpr", "Const", "Dict", "Filter", "Getattr", "Getitem", "List", "Name",
    "Neg", "Not", "Or", "Pos", "Test", "Tuple",
}  # fmt: skip
STATEMENTS = frozenset({"Assign", "For", "If", "Output"})
_PARTS = frozenset({"Keyword", "Operand", "Pair", "Slice", "Template", "TemplateData"})
"""Nodes evaluated as parts of other nodes."""
_ENGINE = frozenset({"params", "target", "hosts", "steps", "item"})
_FUNCTIONS = frozenset({"range"})


def is_template(value: object) -> bool:
    """Return True if the value, or a part of the value, is a template."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value or "{#" in value
    if isinstance(value, (list, dict)):
        return any(map(is_template, value.values() if isinstance(value, dict) else value))
    return False


@lru_cache(maxsize=1024)
def parse_expression(expression: str) -> nodes.Template:
    """Parse an expression without braces; the tree is read-only. Raises ExpressionError."""
    from jinja2 import nodes  # noqa: PLC0415
    from jinja2.parser import Parser  # noqa: PLC0415

    _check_length(expression)
    if "{{" in expression or "{%" in expression:
        raise ExpressionError("an expression stands without braces", f"write {expression.strip('{}% ')}")
    try:
        parser = Parser(_environment(), expression, state="variable")
        parsed = parser.parse_expression()
        rest = None if parser.stream.eos else str(parser.stream.current)
    except Exception as error:  # Numbers and escapes refused by Python raise more than a syntax error.
        raise ExpressionError(first_line(error)) from error
    if rest is not None:
        raise ExpressionError(f"cannot be read from {quoted(rest)} on")
    return _checked(nodes.Template([nodes.Output([parsed], lineno=1)], lineno=1))


@lru_cache(maxsize=1024)
def parse_template(text: str) -> nodes.Template:
    """Parse a text with templates; the tree is read-only. Raises ExpressionError."""
    _check_length(text)
    try:
        tree = _environment().parse(text)
    except Exception as error:
        raise ExpressionError(first_line(error)) from error
    return _checked(tree)


def lone_expression(tree: nodes.Template) -> nodes.Expr | None:
    """Return the expression of a template made of a single `{{ expression }}`, else `None`."""
    from jinja2 import nodes  # noqa: PLC0415

    if len(tree.body) == 1 and isinstance(output := tree.body[0], nodes.Output) and len(output.nodes) == 1:
        return None if isinstance(output.nodes[0], nodes.TemplateData) else output.nodes[0]
    return None


def members(tree: nodes.Template) -> Iterator[tuple[str, ...]]:
    """Yield every constant path read by the tree, such as ("params", "contact")."""
    from jinja2 import nodes  # noqa: PLC0415

    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        path: list[str] = []
        inner: nodes.Node = node
        while isinstance(inner, (nodes.Getattr, nodes.Getitem)):
            if isinstance(inner, nodes.Getattr):
                path.append(inner.attr)
            elif isinstance(inner.arg, nodes.Const):
                path.append(str(inner.arg.value))
            else:
                break
            inner = inner.node
        if isinstance(inner, nodes.Name):
            yield (inner.name, *reversed(path))


def free_names(tree: nodes.Template) -> set[str]:
    """Return the free names of the tree: names bound by no `for` and no `set` of the tree."""
    from jinja2 import nodes  # noqa: PLC0415

    names = list(tree.find_all(nodes.Name))
    given = {name.name for name in names if name.ctx == "store"}
    if tree.find(nodes.For):
        given.add("loop")
    return {name.name for name in names if name.ctx == "load"} - given - _FUNCTIONS


@cache
def _environment() -> Environment:
    from jinja2 import Environment  # noqa: PLC0415

    return Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 - it parses and never renders


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"a text with templates has at most {MAX_LENGTH >> 10} KiB")


def _checked(tree: nodes.Template) -> nodes.Template:
    """Return the tree, if within the depth limit and made of known nodes only; raises ExpressionError."""
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_DEPTH):
        if not level:
            return tree
        for node in level:
            _check(node, type(node).__name__)
        level = [child for node in level for child in node.iter_child_nodes()]
    raise ExpressionError("nested too deep", f"at most {MAX_DEPTH} operations in one another")


def _check(node: Any, kind: str) -> None:  # noqa: ANN401 - its attributes hang on its kind
    if kind not in EXPRESSIONS and kind not in STATEMENTS and kind not in _PARTS:
        message = f"templates have no `{kind.lower()}` here"
        raise ExpressionError(message, "if, for and set are the statements that they may hold")
    for known_kind, known in (("Filter", FILTERS), ("Test", TESTS)):
        if kind == known_kind and node.name not in known:
            message = f"No {kind.lower()} named {quoted(node.name)}"
            raise ExpressionError(message, did_you_mean(node.name, known))
    if kind in {"Call", "Filter", "Test"} and (node.dyn_args is not None or node.dyn_kwargs is not None):
        raise ExpressionError("arguments cannot be unpacked with * here")
    if kind == "Name" and node.ctx == "store" and node.name in _ENGINE | _FUNCTIONS:
        raise ExpressionError(f"{quoted(node.name)} has a meaning already", "another name")
    if kind == "For" and node.recursive:
        raise ExpressionError("a loop cannot be recursive here")

"""Jinja in a runbook: sandboxed, evaluated once, over parameters, inventory and step results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.duration import format_duration
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.source import did_you_mean, quoted
from stopgap.orchestrator.template import fit_to_show, has_inner_life

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import SandboxedEnvironment


class ExpressionError(ValueError):
    """An expression or template is wrong, or has no value. The message says how; `hint` may say what was meant."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class View:
    """Names and their values, as a template sees them: `view.name` and `view['name']`, and nothing of Python.

    A name with `-` or `.` is also there with `_` in its place, since `steps.cut-off` would subtract. `show` turns
    a value into what the template gets.
    """

    __slots__ = ("_fields", "_show")

    def __init__(self, fields: Mapping[str, object], show: Callable[[Any], object] = lambda value: value) -> None:
        self._fields = fields
        self._show = show

    def __getitem__(self, name: object) -> object:
        for known in self._fields if name not in self._fields else (name,):
            if known == name or identifier(str(known)) == name:
                return self._show(self._fields[known])  # type: ignore[index]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self._fields


def identifier(name: str) -> str:
    """Give a name as an expression can write it after a dot."""
    return name.replace("-", "_").replace(".", "_")


def evaluate(expression: str, names: Mapping[str, object]) -> Any:  # noqa: ANN401
    """Evaluate an expression, without braces, to its own value; raises ExpressionError."""
    try:
        return _settled(_expression(expression)(**names))
    except ExpressionError:
        raise
    except Exception as error:  # An expression can raise whatever its operators and filters do.
        raise ExpressionError(_first_line(error)) from error


def render_value(value: Any, names: Mapping[str, object]) -> Any:  # noqa: ANN401
    """Render the templates in a value, however deep; what they give is never rendered again.

    A text that is one `{{ expression }}` gives the expression's own value, all other text gives text.
    Raises ExpressionError.
    """
    if isinstance(value, str):
        return _render_text(value, names)
    if isinstance(value, list):
        return [render_value(item, names) for item in value]
    if isinstance(value, dict):
        return {key: render_value(item, names) for key, item in value.items()}
    return value


def is_template(value: object) -> bool:
    """Tell whether the value, or a part of it, is a template."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value or "{#" in value
    if isinstance(value, (list, dict)):
        return any(map(is_template, value.values() if isinstance(value, dict) else value))
    return False


@lru_cache(maxsize=1024)
def parse_expression(expression: str) -> nodes.Template:
    """Parse an expression without braces; the tree is only to be read. Raises ExpressionError."""
    from jinja2 import TemplateSyntaxError, nodes  # noqa: PLC0415
    from jinja2.parser import Parser  # noqa: PLC0415

    if "{{" in expression or "{%" in expression:
        raise ExpressionError("an expression stands without braces", f"write {expression.strip('{}% ')}")
    try:
        parser = Parser(_environment(), expression, state="variable")
        parsed = parser.parse_expression()
        if not parser.stream.eos:
            raise ExpressionError(f"cannot be read from {quoted(str(parser.stream.current))} on")
    except TemplateSyntaxError as error:
        raise ExpressionError(_first_line(error)) from error
    body = nodes.Output([parsed], lineno=1)
    tree = nodes.Template([body], lineno=1)
    tree.set_environment(_environment())
    _compile(tree)
    return tree


@lru_cache(maxsize=1024)
def parse_template(text: str) -> nodes.Template:
    """Parse a text with templates in it; the tree is only to be read. Raises ExpressionError."""
    from jinja2 import TemplateSyntaxError  # noqa: PLC0415

    try:
        tree = _environment().parse(text)
    except TemplateSyntaxError as error:
        raise ExpressionError(_first_line(error)) from error
    _compile(tree)
    return tree


def members(tree: nodes.Template) -> Iterator[tuple[str, ...]]:
    """Give every constant path that the tree reads, such as ("params", "contact")."""
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
    """Give the names that the tree takes from outside."""
    from jinja2 import meta  # noqa: PLC0415

    return set(meta.find_undeclared_variables(tree)) - set(_environment().globals)


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Environment(ImmutableSandboxedEnvironment):
        def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
            return not has_inner_life(obj) and super().is_safe_attribute(obj, attr, value)

    environment = Environment(
        undefined=StrictUndefined,
        finalize=_as_text,
        autoescape=False,
        keep_trailing_newline=True,
    )
    environment.globals = {"range": environment.globals["range"]}
    return environment


@lru_cache(maxsize=1024)
def _expression(expression: str) -> Any:  # noqa: ANN401
    return _environment().compile_expression(expression, undefined_to_none=False)


@lru_cache(maxsize=1024)
def _text(text: str) -> tuple[Any, str | None]:
    """Give the compiled template, and the expression where the text is one and nothing else."""
    from jinja2 import nodes  # noqa: PLC0415

    bare = text.strip()
    body = parse_template(bare).body
    if len(body) == 1 and isinstance(body[0], nodes.Output):
        parts = body[0].nodes
        if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData) and bare.startswith("{{"):
            return None, bare.removeprefix("{{").removesuffix("}}").lstrip("-+").rstrip("-+")
    return _environment().from_string(text), None


def _render_text(text: str, names: Mapping[str, object]) -> Any:  # noqa: ANN401
    if not is_template(text):
        return text
    template, expression = _text(text)
    if expression is not None:
        return evaluate(expression, names)
    try:
        return template.render(names)
    except Exception as error:
        raise ExpressionError(_first_line(error)) from error


def _settled(value: Any) -> Any:  # noqa: ANN401
    """Give the value with its lazy parts worked out; one without a value raises."""
    from jinja2 import Undefined  # noqa: PLC0415

    if isinstance(value, HostText):
        fit_to_show(value)
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, Mapping):
        return {key: _settled(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_settled, value))
    if isinstance(value, (list, Iterator)):
        return list(map(_settled, value))
    if isinstance(value, View):
        raise ExpressionError("this is no single value", "name one of its fields, such as target.address")
    return value


def _as_text(value: object) -> object:
    """Write a value into text as a person would."""
    fit_to_show(value)
    if isinstance(value, View):
        raise ExpressionError("this is no single value", "name one of its fields, such as target.address")
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(str(_as_text(item)) for item in value)
    return "" if value is None else value


def _compile(tree: nodes.Template) -> None:
    from jinja2 import TemplateSyntaxError  # noqa: PLC0415

    try:
        _environment().compile(tree)
    except TemplateSyntaxError as error:
        raise ExpressionError(_first_line(error), _nearest_filter(error)) from error


def _nearest_filter(error: Exception) -> str | None:
    words = str(error).split("'")
    known = {"No filter named ": _environment().filters, "No test named ": _environment().tests}.get(words[0])
    return did_you_mean(words[1], known) if known and len(words) > 1 else None


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    line = text.splitlines()[0].rstrip(".").replace("end of print statement", "}}")
    return re.sub("^'[a-zA-Z_.]+ object' has no (attribute|element)", "there is no", line)

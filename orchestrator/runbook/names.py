"""Checks the names in a step's expressions and templates, without an evaluation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.runbook.expression import (
    ExpressionError,
    free_names,
    identifier,
    is_template,
    members,
    parse_expression,
    parse_template,
)
from stopgap.orchestrator.source import Loc, Problem, did_you_mean, quoted

if TYPE_CHECKING:
    from jinja2 import nodes

    from stopgap.orchestrator.runbook.runbook import Step

_HOW_TO_LOG_IN = frozenset(
    {
        "identity",
        "identity_passphrase",
        "default_identities",
        "ssh_config",
        "known_hosts",
        "transport",
        "become",
        "become_password",
        "connect_timeout",
        "first_word_timeout",
    }
)
HOST_FIELDS = tuple(name for name in Host.model_fields if name not in _HOW_TO_LOG_IN)
RESULT_FIELDS = ("changed", "outcome", "answer")


@dataclass(frozen=True)
class Scope:
    """The names allowed in a step's expressions; `None` marks an unchecked scope."""

    params: Collection[str] | None = None
    earlier: Collection[str] = ()
    """Ids of the earlier steps."""
    steps: Collection[str] = ()
    """Ids of all steps."""
    hosts: Collection[str] | None = None


def name_problems(step: Step, scope: Scope) -> Iterator[Problem]:
    """Yield the problems in syntax and names of the step's `with`, `when` and `foreach`."""
    item = step.foreach is not None
    for field, names_item in (("when", item), ("foreach", False)):
        expression = getattr(step, field)
        if isinstance(expression, str):
            yield from _expression_problems(step, (*step.loc, field), expression, scope, names_item)
    if isinstance(step.foreach, list):
        yield from _template_problems(step, (*step.loc, "foreach"), step.foreach, scope, False)
    yield from _template_problems(step, (*step.loc, "with"), step.with_, scope, item)


def _template_problems(step: Step, loc: Loc, value: Any, scope: Scope, item: bool) -> Iterator[Problem]:  # noqa: ANN401
    if isinstance(value, (list, Mapping)):
        for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _template_problems(step, (*loc, key), part, scope, item)
    elif isinstance(value, str) and is_template(value):
        try:
            tree = parse_template(value)
        except ExpressionError as error:
            yield step.document.problem(loc, f"bad template: {error}", hint=error.hint)
        else:
            yield from _tree_problems(step, loc, tree, scope, item)


def _expression_problems(step: Step, loc: Loc, expression: str, scope: Scope, item: bool) -> Iterator[Problem]:
    try:
        tree = parse_expression(expression)
    except ExpressionError as error:
        yield step.document.problem(loc, f"bad expression: {error}", hint=error.hint)
    else:
        yield from _tree_problems(step, loc, tree, scope, item)


def _tree_problems(step: Step, loc: Loc, tree: nodes.Template, scope: Scope, item: bool) -> Iterator[Problem]:
    known = ["params", "target", "hosts", "steps", *(["item"] if item else [])]
    free = free_names(tree)
    for name in sorted(free - set(known)) if scope.params is not None else ():
        if name == "item":
            message, hint = "`item` has a value in a step with `foreach` alone", None
        else:
            message, hint = f"{quoted(name)} is not defined", _nearest_name(name, known, scope)
        yield step.document.problem(loc, message, expected=f"one of {', '.join(known)}", hint=hint)
    paths = {path[:depth] for path in members(tree) for depth in range(2, len(path) + 1)}
    for path in sorted(paths):
        if path[0] in free:
            yield from _path_problems(step, loc, path, scope)


def _nearest_name(name: str, known: Collection[str], scope: Scope) -> str | None:
    if name in (scope.params or ()):
        return f"did you mean params.{name}?"
    return did_you_mean(name, known)


def _path_problems(step: Step, loc: Loc, path: tuple[str, ...], scope: Scope) -> Iterator[Problem]:
    match path:
        case ("hosts", name) if scope.hosts is not None:
            known, what = scope.hosts, "no host of the inventory"
        case _ if scope.params is None:
            return
        case ("params", name):
            known, what = scope.params, "no parameter of this runbook"
        case ("target", name) | ("hosts", _, name):
            known, what = HOST_FIELDS, "nothing that is known of a host"
        case ("steps", name):
            known, what = scope.earlier, "no step before this one"
        case ("steps", _, name):
            known, what = RESULT_FIELDS, "nothing that is known of a step"
        case _:
            return
    if name in known or name in map(identifier, known):
        return
    near = did_you_mean(identifier(name), map(identifier, known))
    hint = near.replace("mean ", f"mean {'.'.join(path[:-1])}.") if near else None
    if path[0] == "steps" and name in {*scope.steps, *map(identifier, scope.steps)}:
        hint = "it comes later, or is this step itself" if len(path) == 2 else hint
    elif path[0] == "steps" and any(identifier(step_id).startswith(f"{name}_") for step_id in known):
        whole = next(i for i in map(identifier, known) if i.startswith(f"{name}_"))
        hint = f"did you mean steps.{whole}? A hyphen would subtract"
    yield step.document.problem(loc, f"{'.'.join(path)}: {quoted(name)} is {what}", hint=hint)

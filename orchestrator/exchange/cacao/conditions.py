"""Conditions of a playbook as expressions of a runbook: one variable compared with one value, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.exchange.cacao.reading import Path_, refuse
from stopgap.orchestrator.text import tr

_COMPARISON = re.compile(
    r"\s*(?P<name>__[a-zA-Z][a-zA-Z0-9_-]*__):value\s*(?P<how>==|=|!=)\s*"
    r"(?:'(?P<single>[^'\\{}]*)'|\"(?P<double>[^\"\\{}]*)\"|(?P<bare>true|false|-?[0-9]{1,15}))\s*"
)
_TEXTS = ("string", "choice", "email", "url", "host", "path", "text")


def expression(
    condition: str, params: Mapping[str, str], declared: Mapping[str, Mapping[str, Any]], path: Path_, source: str
) -> str:
    """Return the expression of a comparison; raises InvalidInput for any other condition.

    Args:
        condition: as written.
        params: names of the runbook's parameters, by the variables' names.
        declared: the runbook's parameters.
        path: of the condition.
        source: name of the file in problems.
    """
    found = _COMPARISON.fullmatch(condition)
    name = params.get(found["name"]) if found else None
    if found is None or name is None:
        refuse(source, path, tr("a runbook can only compare one external variable with one value"))
    kind = str(declared[name].get("type"))
    texts = (found[each] for each in ("single", "double", "bare"))
    literal = next(text for text in texts if text is not None)
    equal = found["how"] != "!="
    if kind == "boolean" and literal in {"true", "false"}:
        return f"params.{name}" if equal is (literal == "true") else f"not params.{name}"
    if kind in {"integer", "number"} and re.fullmatch("-?[0-9]{1,15}", literal):
        return f"params.{name} {'==' if equal else '!='} {int(literal)}"
    if kind not in _TEXTS or not literal.isprintable() or "'" in literal:
        refuse(source, path, tr("the value is not of the variable's type"))
    return f"params.{name} {'==' if equal else '!='} '{literal}'"


def all_of(conditions: tuple[str, ...], own: str | bool | None) -> str | bool | None:
    """Return one condition that holds where all do; `own`: of the step itself."""
    if not conditions:
        return own
    whole = [f"({each})" for each in conditions]
    if own is not None:
        whole.append(f"({str(own).lower() if isinstance(own, bool) else own})")
    return conditions[0] if len(whole) == 1 else " and ".join(whole)

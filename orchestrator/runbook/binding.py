"""Binds a runbook's parameters to values: from the command line, or the defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.runbook.runbook import Param, Runbook
from stopgap.orchestrator.source import InvalidInput, Problem, Unfit, did_you_mean, lookalikes, quoted


def bind(
    runbook: Runbook, inventory: Inventory, targets: Sequence[Host], given: Mapping[str, object]
) -> dict[str, Any]:
    """Return a typed value for every declared parameter; raises InvalidInput, also for a missing required value.

    `given`: parameter → text of the command line, or any other value as parsed from YAML.
    """
    values, problems = known_values(runbook, inventory, given)
    problems += missing_values(runbook, given)
    if problems:
        raise InvalidInput(problems)
    return {name: values[name] for name in runbook.params}


def known_values(
    runbook: Runbook, inventory: Inventory | None, given: Mapping[str, object]
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the available values, without missing required values, and the problems of the values."""
    problems = [_unknown(runbook, name) for name in given if name not in runbook.params]
    values: dict[str, Any] = {}
    for name, param in runbook.params.items():
        if name in given:
            try:
                values[name] = param.accept(given[name], from_text=isinstance(given[name], str))
            except Unfit as error:
                meant = lookalikes.plain(str(given[name]))
                hint = error.hint or (f"full-width or typographic characters; write {meant}" if meant else None)
                problems.append(Problem(f"-p {name}", error.message, None, error.expected, hint))
                continue
        elif not param.required:
            values[name] = param.default
        if param.type_name == "host" and inventory is not None and values.get(name) not in {None, *inventory.hosts}:
            hint = did_you_mean(values[name], inventory.hosts)
            message = f"no host of {inventory.path} is called {quoted(values[name])}"
            if name in given:
                problems.append(Problem(f"-p {name}", message, hint=hint))
            else:
                problems.append(runbook.document.problem(("params", name, "default"), message, hint=hint))
            del values[name]
    return values, problems


def _unknown(runbook: Runbook, name: str) -> Problem:
    known = ", ".join(runbook.params)
    message = f"the runbook has no parameter {quoted(name)}"
    expected = f"one of {known}" if known else None
    return Problem(f"-p {name}", message, None, expected, did_you_mean(name, runbook.params))


def missing_values(runbook: Runbook, given: Mapping[str, object]) -> list[Problem]:
    """Return a problem for each required parameter without a value."""
    return [_missing(runbook, p) for name, p in runbook.params.items() if p.required and name not in given]


def _missing(runbook: Runbook, param: Param) -> Problem:
    about = f" ({param.description.rstrip('.')})" if param.description else ""
    sample = param.type.to_json(param.sample)
    text = ",".join(sample) if isinstance(sample, list) else str(sample)
    return runbook.document.problem(
        ("params", param.name),
        f"the parameter {param.name} has no value{about}",
        expected=param.type.expected,
        hint=f"give it with -p {param.name}={text}",
        at_key=True,
    )

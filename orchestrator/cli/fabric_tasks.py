"""Every task as a fabric task: `fab --list` names all, `fab mta.stop --target web --dry-run` runs a task.

A fabric task uses the same planner and journal as a step of a runbook.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

import fabric
from invoke.collection import Collection
from invoke.exceptions import Exit

from stopgap.orchestrator.cli import main_with
from stopgap.orchestrator.cli.options import is_list, step_of_options
from stopgap.orchestrator.cli.run import carry_out
from stopgap.orchestrator.cli.run_options import RunOptions, RunRequested, sign_key
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.task import Task

_OWN = {
    "inventory": ("inventory.yaml", "the inventory"),
    "target": ("", "host or group"),
    "on": ("", "where to act: target, upstream, spare or controller"),
    "dry_run": (False, "show what would be done; nothing is written"),
    "yes": (False, "do not ask"),
}


def namespace() -> Collection:
    """Give fabric's collection of all tasks: `traffic.block` is `block` in the collection `traffic`."""
    top = Collection()
    groups: dict[str, Collection] = {}
    for name, task in tasks().items():
        group, _, verb = name.rpartition(".")
        lists = [field for field in task.Params.model_fields if is_list(task, field)]
        made = fabric.task(name=verb, help=_help(task), auto_shortflags=False, iterable=lists)(_body(task))
        if not group:
            top.add_task(made)
            continue
        if group not in groups:
            groups[group] = Collection(group)
            top.add_collection(groups[group])
        groups[group].add_task(made)
    return top


def _body(task: Task[Any, Any]) -> Callable[..., None]:
    def body(c: object, **given: Any) -> None:  # noqa: ANN401
        own = {key: given.pop(key) for key in _OWN}
        typed = {key: value for key, value in given.items() if value is not None and value != []}
        if status := main_with(lambda: _run(task, own, typed, c)):
            raise Exit(code=status)

    body.__doc__ = inspect.getdoc(type(task))
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("c", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += [inspect.Parameter(name, keyword, default=None) for name in task.Params.model_fields]
    parameters += [inspect.Parameter(name, keyword, default=default) for name, (default, _) in _OWN.items()]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return body


def _run(task: Task[Any, Any], own: dict[str, Any], typed: dict[str, Any], c: object) -> int:
    target = _target(own["target"], c)
    document = step_of_options(task, typed, own["on"] or None)
    wanted = RunRequested(document, (own["inventory"],), (target,) if target else (), dry_run=own["dry_run"])
    return carry_out(wanted, RunOptions(yes=own["yes"], sign_key=sign_key(os.environ.get("STOPGAP_SIGN_KEY"))))


def _target(named: str, c: object) -> str:
    """Return the target: `--target`, or fabric's `-H` with the name of a host of the inventory.

    Raises UsageError.
    """
    if not isinstance(c, fabric.Connection):
        return named
    host = str(c.original_host)
    if c.user != c.config.user or c.port != c.config.get("port", 22):
        raise UsageError(f"-H {host}: how a host is reached stands in the inventory; name the host alone")
    if named and named != host:
        raise UsageError(f"-H {host} and --target {named}: give one of them")
    return host


def _help(task: Task[Any, Any]) -> dict[str, str]:
    fields = {name: field.description or "" for name, field in task.Params.model_fields.items()}
    fields |= {name: f"{about} Repeatable." for name, about in fields.items() if is_list(task, name)}
    return {name.replace("_", "-"): about for name, about in (fields | {k: v[1] for k, v in _OWN.items()}).items()}

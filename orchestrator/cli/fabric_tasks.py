"""Every task as a fabric task: `fab --list` names them, `fab mta.stop --target web --dry-run` runs one.

A fabric task runs through the same planner and journal as a step of a runbook does.
"""

from __future__ import annotations

import inspect
import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fabric
from invoke.collection import Collection
from invoke.exceptions import Exit

from stopgap.orchestrator.cli import main_with
from stopgap.orchestrator.cli.run import run
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
        made = fabric.task(name=verb, help=_help(task), auto_shortflags=False)(_body(task))
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
        parameters = {key: _value(task, key, text) for key, text in given.items() if text not in {"", None}}
        step = {"task": task.name, "with": parameters} | ({"on": own["on"]} if own["on"] else {})
        with TemporaryDirectory() as folder:
            path = Path(folder) / "fab.yaml"
            path.write_text(json.dumps({"name": task.name, "steps": [step]}))
            words = {"runbook": str(path), "inventory": own["inventory"], "param": [], "json": False, "full": False}
            words |= {"target": [own["target"]] if own["target"] else [], "save_plan": None, "plan": None}
            status = main_with(
                run,
                Namespace(
                    **words,
                    incident=None,
                    dry_run=own["dry_run"],
                    yes=own["yes"],
                    wait=False,
                    watch=False,
                    sign_key=None,
                    age=[],
                    take_over=False,
                    request=None,
                ),
            )
        if status:
            raise Exit(code=status)

    body.__doc__ = inspect.getdoc(type(task))
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("c", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += [inspect.Parameter(name, keyword, default="") for name in task.Params.model_fields]
    parameters += [inspect.Parameter(name, keyword, default=default) for name, (default, _) in _OWN.items()]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return body


def _help(task: Task[Any, Any]) -> dict[str, str]:
    fields = {name: field.description or "" for name, field in task.Params.model_fields.items()}
    return {name.replace("_", "-"): about for name, about in (fields | {k: v[1] for k, v in _OWN.items()}).items()}


def _value(task: Task[Any, Any], key: str, text: str) -> object:
    """Read a value from the command line: a list by commas, all else as it stands."""
    schema = task.Params.model_json_schema()["properties"][key]
    kinds = {option.get("type") for option in (schema, *schema.get("anyOf", []))}
    if "array" in kinds:
        return [word.strip() for word in text.split(",")]
    if "boolean" in kinds and text in {"true", "false"}:
        return text == "true"
    return text

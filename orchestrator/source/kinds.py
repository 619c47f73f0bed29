"""The kind of a file, detected by its schema, for a file given as another kind."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias

from stopgap.orchestrator.source.problem import Position, Problem

Kind: TypeAlias = Literal[
    "a runbook", "an inventory", "a playbook of Ansible's", "a list of Ansible's tasks", "an inventory of Ansible's",
    "a CACAO playbook",
]  # fmt: skip

_PLAY = frozenset(
    {
        "become",
        "gather_facts",
        "handlers",
        "hosts",
        "post_tasks",
        "pre_tasks",
        "remote_user",
        "roles",
        "tasks",
        "vars",
    }
)
_GROUP = frozenset({"children", "hosts", "vars"})
_SECTION = re.compile(r"^\[[A-Za-z0-9_. -]+(:(children|vars))?\]\s*$", re.MULTILINE)
_VARIABLE = re.compile(r"\bansible_(host|user|port|connection|ssh_\w+|become\w*)\s*=")
_HINTS: dict[tuple[str, Kind], str] = {
    ("a runbook", "an inventory"): "give it with -i",
    ("a runbook", "an inventory of Ansible's"): "give it with -i",
    ("a runbook", "a playbook of Ansible's"): "`stopgap import ansible FILE` makes a runbook of it",
    ("a runbook", "a CACAO playbook"): "`stopgap import cacao FILE` makes a runbook of it",
    ("an inventory", "a runbook"): "give it as the runbook, and the inventory with -i",
}
_STEPS = "Stopgap's runbooks have `name` and `steps`; `stopgap init` writes some to start from"
_HOSTS = "Stopgap's inventories have `hosts`; `stopgap init` writes one to start from"


def kind_of(data: Any) -> Kind | None:  # noqa: ANN401
    """Return the kind of a document; `None` if unclear."""
    if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        if any("import_playbook" in item or ("hosts" in item and _PLAY & set(item) - {"hosts"}) for item in data):
            return "a playbook of Ansible's"
        if all(_is_task(item) for item in data):
            return "a list of Ansible's tasks"
    if not isinstance(data, dict):
        return None
    if str(data.get("spec_version", "")).startswith("cacao"):
        return "a CACAO playbook"
    if "steps" in data:
        return "a runbook"
    if "hosts" in data:
        return "an inventory"
    groups = [group for group in data.values() if isinstance(group, dict)]
    if groups and len(groups) == len(data) and all(group and set(group) <= _GROUP for group in groups):
        return "an inventory of Ansible's"
    return None


def is_ini(text: str) -> bool:
    """Return True if a text other than YAML is an Ansible inventory in INI."""
    return bool(_SECTION.search(text) or _VARIABLE.search(text))


def mistaken(path: str, wanted: Literal["a runbook", "an inventory"], kind: Kind) -> Problem:
    """Return the problem of a file of the wrong kind."""
    hint = _HINTS.get((wanted, kind)) or (_STEPS if wanted == "a runbook" else _HOSTS)
    return Problem(path, f"this is {kind}, and not {wanted} of Stopgap's", Position(1, 1), hint=hint)


def _is_task(item: dict[str, Any]) -> bool:
    return any(key.startswith(("ansible.", "community.")) for key in item) or (
        "name" in item and bool({"apt", "command", "copy", "file", "service", "shell", "template"} & set(item))
    )

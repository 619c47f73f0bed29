"""The form of an inventory's entries, each at its position in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from stopgap.orchestrator.inventory.layers import is_shared
from stopgap.orchestrator.inventory.models import InventoryFile, SharedEntry
from stopgap.orchestrator.inventory.ranges import expand, has_range, member
from stopgap.orchestrator.source import Located, Problem, Unfit, problems_of, structure_problems, validate

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_ELSEWHERE = frozenset({"address", "hosts"})
"""What another of several inventories may give."""


def entry_problems(document: Located, *, alone: bool) -> list[Problem]:
    """Return the problems of a document by itself.

    `alone`: no other inventory gives the hosts, or the address of a host.
    """
    data = document.data
    hosts = data.get("hosts") if isinstance(data, dict) else None
    shared = [key for key in hosts if is_shared(key)] if isinstance(hosts, dict) else []
    ranges = [key for key in hosts if has_range(key)] if isinstance(hosts, dict) else []
    view = replace(document, data=_as_hosts(data, shared)) if shared or ranges else document
    problems: list[Problem] = []
    try:
        InventoryFile.model_validate(view.data)
    except ValidationError as error:
        problems += problems_of(error, InventoryFile, view, matters=lambda found: alone or not _elsewhere(found))
    for key in shared:
        validate(SharedEntry, document, ("hosts", key), problems)
    if problems:
        problems += structure_problems(document.text, document.path)
    return problems


def _elsewhere(details: ErrorDetails) -> bool:
    missing = details["type"] == "missing" and details["loc"][-1] in _ELSEWHERE
    return missing or (details["type"] == "too_short" and details["loc"] == ("hosts",))


def _as_hosts(data: Mapping[str, Any], shared: list[str]) -> dict[str, Any]:
    """Return the data without entries under patterns, and with the first host of each range in its place."""
    hosts = {key: _first(key, entry) for key, entry in data["hosts"].items() if key not in shared}
    return {**data, "hosts": hosts}


def _first(key: str, entry: object) -> object:
    if not has_range(key) or not isinstance(entry, dict):
        return entry
    try:
        count = len(expand(key))
        return {field: member(value, 0, count) for field, value in entry.items()}
    except Unfit:
        return {"address": "told-elsewhere"}

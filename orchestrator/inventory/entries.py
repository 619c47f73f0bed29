"""The form of an inventory's entries, each at its position in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from stopgap.orchestrator.inventory.layers import is_shared
from stopgap.orchestrator.inventory.models import InventoryFile, SharedEntry
from stopgap.orchestrator.source import Located, Problem, problems_of, structure_problems, validate

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
    view = replace(document, data=_without(data, shared)) if shared else document
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


def _without(data: Mapping[str, Any], keys: list[str]) -> dict[str, Any]:
    return {**data, "hosts": {key: entry for key, entry in data["hosts"].items() if key not in keys}}

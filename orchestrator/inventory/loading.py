"""Loads an inventory: defaults merged, paths made absolute, relations checked; all problems at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from stopgap.orchestrator.host import Address, Cli, Host
from stopgap.orchestrator.inventory.inventory import Inventory
from stopgap.orchestrator.inventory.models import Defaults, GroupEntry, HostEntry, InventoryFile
from stopgap.orchestrator.inventory.relations import (
    check_addresses,
    check_groups,
    check_names,
    check_relations,
    members_of,
)
from stopgap.orchestrator.source import (
    INVENTORY,
    InvalidInput,
    Located,
    Problem,
    kind_of,
    mistaken,
    parse,
    read,
    structure_problems,
    validate,
)

M = TypeVar("M", bound=BaseModel)
_BUILT_IN = ("ssh_config:", "command:")


def load_inventory(source: Path | str) -> Inventory:
    """Load an inventory: a file in Stopgap's own format, or an inventory of another tool.

    `source`: a path, or another argument of `-i` (`ssh_config:PATH`, `command:…`, `LOGIN@HOST,`, `NAME:SOURCE` of a
    plug-in, or the name of an inventory of the project). Raises InvalidInput with all problems of the inventory.
    """
    from stopgap.orchestrator.inventory.foreign import understand  # noqa: PLC0415 - starts other programs

    if not Path(source).exists():
        from stopgap.orchestrator.inventory.plugins import from_plugin, project_file  # noqa: PLC0415 - seldom needed

        if own := project_file(str(source)):
            return _inventory(read(own, INVENTORY))
        if not str(source).startswith(_BUILT_IN) and (text := from_plugin(str(source))) is not None:
            return parse_inventory(text, f"{source}")

    understood = understand(str(source))
    if understood is None:
        return _inventory(read(Path(source), INVENTORY))
    loaded = parse_inventory(understood.text(), f"{source}")
    return replace(loaded, document=None, left_out=understood.left_out, notes=understood.notes)


def parse_inventory(text: str, path: str) -> Inventory:
    """Parse an inventory from text, as `load_inventory` does; paths in the text are relative to `path`."""
    return _inventory(parse(text, path, INVENTORY))


def _inventory(document: Located) -> Inventory:
    if (kind := kind_of(document.data)) not in {None, "an inventory"}:
        raise InvalidInput([mistaken(document.path, "an inventory", kind)])
    problems: list[Problem] = []
    validate(InventoryFile, document, (), problems)
    if problems:
        problems += structure_problems(document.text, document.path)
    defaults = _sound(Defaults, {"defaults": _part(document, "defaults")}).get("defaults", Defaults())
    hosts = _hosts(_sound(HostEntry, _part(document, "hosts")), defaults, Path(document.path).absolute().parent)
    groups = _sound(GroupEntry, _part(document, "groups"))
    check_names(document, problems)
    check_relations(document, hosts, problems)
    check_addresses(document, hosts, problems)
    check_groups(document, groups, problems)
    if problems:
        raise InvalidInput(problems)
    return Inventory(
        hosts=MappingProxyType(hosts),
        groups=MappingProxyType({name: members_of(name, groups) for name in groups}),
        text=document.text,
        path=document.path,
        document=document,
    )


def _part(document: Located, name: str) -> dict[str, Any]:
    part = document.data.get(name) if isinstance(document.data, dict) else None
    return part if isinstance(part, dict) else {}


def _sound(model: type[M], entries: dict[str, Any]) -> dict[str, M]:
    """Return the well-formed entries, so that a fault in one entry does not hide the faults between other entries."""
    sound = {}
    for name, entry in entries.items():
        try:
            sound[name] = model.model_validate(entry)
        except ValidationError:
            continue
    return sound


def _hosts(entries: dict[str, HostEntry], defaults: Defaults, folder: Path) -> dict[str, Host]:
    shared = Counter(entry.address for entry in entries.values())
    hosts = {}
    for name, entry in entries.items():
        fields = {**_given(defaults), **_given(entry)}
        if fields.get("jump") == name and "jump" not in entry.model_fields_set:
            del fields["jump"]
        for field in ("identity", "known_hosts"):
            if fields.get(field) is not None:
                fields[field] = folder / fields[field].expanduser()
        # An address shared by several hosts, on separate ports, belongs to a NAT device, and to no host.
        if not entry.addresses and shared[entry.address] == 1:
            fields["addresses"] = _own_address(entry.address)
        if entry.cli is None and entry.driver in get_args(Cli):
            fields["cli"] = entry.driver
        hosts[name] = Host(name=name, **fields)
    return hosts


def _given(entry: Defaults) -> dict[str, Any]:
    return {field: getattr(entry, field) for field in entry.model_fields_set}


def _own_address(destination: str) -> tuple[Address, ...]:
    try:
        return (ip_address(destination),)
    except ValueError:
        return ()

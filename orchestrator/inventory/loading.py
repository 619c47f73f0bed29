"""Loads an inventory: defaults merged, paths made absolute, relations checked; all problems at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from stopgap.orchestrator.host import Address, Cli, Host
from stopgap.orchestrator.inventory.combined import Generated
from stopgap.orchestrator.inventory.combining import combine, is_plain
from stopgap.orchestrator.inventory.entries import entry_problems
from stopgap.orchestrator.inventory.folder import own_files
from stopgap.orchestrator.inventory.inventory import Inventory
from stopgap.orchestrator.inventory.models import Defaults, GroupEntry, HostEntry
from stopgap.orchestrator.inventory.relations import (
    check_addresses,
    check_groups,
    check_names,
    check_passwords,
    check_relations,
    check_transports,
    members_of,
)
from stopgap.orchestrator.inventory.upstreams import ambiguity_notes, follow
from stopgap.orchestrator.source import (
    INVENTORY,
    InvalidInput,
    Located,
    Problem,
    kind_of,
    mistaken,
    parse,
    read,
    validate,
)

_BUILT_IN = ("ssh_config:", "command:")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class _Read:
    """One source as read, before it is validated."""

    document: Located
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def load_inventory(source: Path | str | Sequence[Path | str]) -> Inventory:
    """Load an inventory: files in Stopgap's own format, and inventories of other tools, one or several as one.

    `source`: a path, or another argument of `-i` (a folder, `ssh_config:PATH`, `command:…`, `LOGIN@HOST,`,
    `NAME:SOURCE` of a plug-in, or the name of an inventory of the project), or several of these. Raises InvalidInput
    with all problems of the inventories, and with what two of them say differently.
    """
    sources = [source] if isinstance(source, (Path, str)) else list(source)
    read_sources: list[_Read] = []
    problems: list[Problem] = []
    for each in sources:
        try:
            read_sources += _read(str(each))
        except InvalidInput as error:
            problems += error.problems
    if problems or not read_sources:
        raise InvalidInput(problems or [Problem("-i", "no inventory is named")])
    left_out = {name: reason for each in read_sources for name, reason in each.left_out.items()}
    notes = tuple(note for each in read_sources for note in each.notes)
    loaded = _inventory([each.document for each in read_sources], ", ".join(map(str, sources)))
    return replace(loaded, left_out=left_out, notes=(*notes, *loaded.notes))


def parse_inventory(text: str, path: str) -> Inventory:
    """Parse an inventory from text, as `load_inventory` does; paths in the text are relative to `path`."""
    return _inventory([parse(text, path, INVENTORY)], path)


def _read(source: str) -> list[_Read]:
    """Read a source: one document, or a document for each file of a folder."""
    from stopgap.orchestrator.inventory.foreign import understand  # noqa: PLC0415 - starts other programs

    path = Path(source)
    if not path.exists():
        from stopgap.orchestrator.inventory.plugins import from_plugin, project_file  # noqa: PLC0415 - seldom needed

        if own := project_file(source):
            return [_Read(read(own, INVENTORY))]
        if not source.startswith(_BUILT_IN) and (text := from_plugin(source)) is not None:
            return [_Read(parse(text, source, INVENTORY))]
    elif path.is_dir() and (files := own_files(path)):
        return [_Read(read(file, INVENTORY)) for file in files]
    understood = understand(source)
    if understood is None:
        return [_Read(read(path, INVENTORY))]
    made = parse(understood.text(), source, INVENTORY)
    document = Generated(made.path, made.text, made.data, made.values, made.keys)
    return [_Read(document, understood.left_out, understood.notes)]


def _inventory(documents: Sequence[Located], path: str) -> Inventory:
    for document in documents:
        if (kind := kind_of(document.data)) not in {None, "an inventory"}:
            raise InvalidInput([mistaken(document.path, "an inventory", kind)])
    problems: list[Problem] = []
    for document in documents:
        problems += entry_problems(document, alone=len(documents) == 1)
    if problems and len(documents) > 1:
        raise InvalidInput(problems)
    document, notes = documents[0], tuple[str, ...]()
    if len(documents) > 1 or not is_plain(document):
        document, notes = combine(documents, path, problems)
    defaults = _sound(Defaults, {"defaults": _part(document, "defaults")}).get("defaults", Defaults())
    hosts = _hosts(_sound(HostEntry, _part(document, "hosts")), defaults, Path(document.path).absolute().parent)
    groups = _sound(GroupEntry, _part(document, "groups"))
    if not problems:
        for name in _part(document, "hosts").keys() - hosts.keys():
            validate(HostEntry, document, ("hosts", name), problems)  # a member of a range, beyond the first
    check_names(document, problems)
    check_relations(document, hosts, problems)
    check_addresses(document, hosts, problems)
    check_passwords(document, hosts, problems)
    check_transports(document, hosts, problems)
    check_groups(document, groups, problems)
    if problems:
        raise InvalidInput(problems)
    followed = follow(hosts)
    return Inventory(
        hosts=MappingProxyType(followed.hosts),
        groups=MappingProxyType({name: members_of(name, groups) for name in groups}),
        text=document.text,
        path=path,
        notes=(*notes, *ambiguity_notes(followed)),
        document=document,
        sources=tuple(documents),
        derived=followed.derived,
        ambiguous=followed.ambiguous,
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
    merged = {name: _merged(name, entry, defaults, folder) for name, entry in entries.items()}
    # Several hosts at one address, on separate ports, are behind a NAT device, and the address is of none of them.
    shared = Counter(
        address for address, _ in {(fields["address"], fields.get("port")) for fields in merged.values()}
    )
    hosts = {}
    for name, fields in merged.items():
        if not fields.get("addresses") and shared[fields["address"]] == 1:
            fields["addresses"] = _own_address(fields["address"])
        if fields.get("connection") == "exec" and fields.get("driver") is None:
            fields["driver"] = "exec"
        hosts[name] = Host(name=name, **fields)
    return hosts


def _merged(name: str, entry: HostEntry, defaults: Defaults, folder: Path) -> dict[str, Any]:
    fields = {**_given(defaults), **_given(entry)}
    if fields.get("jump") == name and "jump" not in entry.model_fields_set:
        del fields["jump"]
    for key in ("identity", "known_hosts"):
        if fields.get(key) is not None:
            fields[key] = folder / fields[key].expanduser()
    if entry.cli is None and entry.driver in get_args(Cli):
        fields["cli"] = entry.driver
    return fields


def _given(entry: Defaults) -> dict[str, Any]:
    return {key: getattr(entry, key) for key in entry.model_fields_set}


def _own_address(destination: str) -> tuple[Address, ...]:
    try:
        return (ip_address(destination),)
    except ValueError:
        return ()

"""What each source says of each host, from the weakest to the strongest word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from stopgap.orchestrator.inventory.combined import Origin
from stopgap.orchestrator.inventory.pattern import ALL, is_pattern, matching
from stopgap.orchestrator.inventory.ranges import expand, has_range, member
from stopgap.orchestrator.source import Loc, Located, Problem, Unfit, quoted

Values: TypeAlias = dict[str, tuple[object, Origin]]
"""Key of a host → value and origin."""

_RELATIONS = ("upstream", "spare", "jump")
_PATHS = ("identity", "known_hosts")


@dataclass
class Layers:
    """The hosts and groups of all documents, before the words on one host are joined."""

    hosts: dict[str, list[tuple[bool, Values]]] = field(default_factory=dict)
    """Host → entries, each with True for the host's own name, and False for a range of names."""
    patterns: list[tuple[str, Values]] = field(default_factory=list)
    groups: dict[str, dict[str, list[tuple[str, Origin]]]] = field(default_factory=dict)
    """Group → `hosts` and `groups`, with ranges and patterns resolved."""
    group_values: dict[str, list[Values]] = field(default_factory=dict)
    defaults: list[tuple[Located, Values]] = field(default_factory=list)
    places: dict[Loc, Origin] = field(default_factory=dict)
    """First mention of each host and group."""


def is_shared(key: str) -> bool:
    """Return True for a key of `hosts` that is a pattern, and neither a name nor a range.

    >>> is_shared("*.tokyo"), is_shared("web[01:50]"), is_shared("web*:!web3")
    (True, False, True)
    """
    return is_pattern(key) and not has_range(key)


def layers_of(documents: Sequence[Located], problems: list[Problem]) -> Layers:
    """Read all documents into layers; a range that cannot be expanded is added to `problems`."""
    layers = Layers()
    folders = len(documents) > 1
    for document in documents:
        defaults = _mapping(document.data, "defaults")
        layers.defaults.append((document, _values(document, ("defaults",), defaults, absolute=folders)))
        for key, entry in _mapping(document.data, "hosts").items():
            loc: Loc = ("hosts", key)
            if is_shared(key):
                layers.patterns.append((key, _values(document, loc, entry, absolute=folders)))
                continue
            try:
                _add_hosts(layers, document, key, entry, absolute=folders)
            except Unfit as unfit:
                problems.append(document.problem(loc, unfit.message, expected=unfit.expected, at_key=True))
    for document in documents:
        for key, entry in _mapping(document.data, "groups").items():
            _add_group(layers, document, key, entry, problems, absolute=folders)
    return layers


def group_depths(layers: Layers) -> dict[str, int]:
    """Return the number of groups around each group; `all` is around every group."""
    parents: dict[str, list[str]] = {name: [] for name in layers.groups}
    for name, part in layers.groups.items():
        for inner, _ in part["groups"]:
            parents.setdefault(inner, []).append(name)
    return {name: -1 if name == ALL else len(_around(name, parents)) for name in layers.groups}


def groups_of_hosts(layers: Layers) -> dict[str, set[str]]:
    """Return each host's groups that have variables: the groups that name the host, and the groups around."""
    found: dict[str, set[str]] = {}
    for name in layers.group_values:
        waiting, seen = [name], set()
        everybody = name == ALL and not any(layers.groups[name].values())
        members = list(layers.hosts) if everybody else []
        while waiting:
            group = waiting.pop()
            if group in seen or group not in layers.groups:
                continue
            seen.add(group)
            members += [host for host, _ in layers.groups[group]["hosts"]]
            waiting += [inner for inner, _ in layers.groups[group]["groups"]]
        for host in members:
            found.setdefault(host, set()).add(name)
    return found


def for_host(values: Values, name: str) -> Values:
    """Return shared values without relations of the host to itself: `"*": {upstream: edge}` matches `edge` too."""
    own = {}
    for key, (value, origin) in values.items():
        if key in _RELATIONS and value == name:
            continue
        if key in _RELATIONS and isinstance(value, list) and name in value:
            value = [other for other in value if other != name]  # noqa: PLW2901
            if not value:
                continue
        own[key] = (value, origin)
    return own


def _add_hosts(layers: Layers, document: Located, key: str, entry: object, *, absolute: bool) -> None:
    names = expand(key) if has_range(key) else (key,)
    loc: Loc = ("hosts", key)
    for index, name in enumerate(names):
        values = _values(document, loc, entry, absolute=absolute)
        if len(names) > 1 or has_range(key):
            values = {field: (member(value, index, len(names)), origin) for field, (value, origin) in values.items()}
        layers.places.setdefault(("hosts", name), Origin(document, loc))
        layers.hosts.setdefault(name, []).append((not has_range(key), values))


def _add_group(
    layers: Layers, document: Located, key: str, entry: object, problems: list[Problem], *, absolute: bool
) -> None:
    loc: Loc = ("groups", key)
    layers.places.setdefault(loc, Origin(document, loc))
    part = layers.groups.setdefault(key, {"hosts": [], "groups": []})
    data = entry if isinstance(entry, dict) else {}
    for index, item in enumerate(_list(data.get("hosts"))):
        at = (*loc, "hosts", index)
        try:
            part["hosts"] += [(name, Origin(document, at)) for name in _members(item, layers.hosts)]
        except Unfit as unfit:
            problems.append(document.problem(at, unfit.message, expected=unfit.expected))
    for index, item in enumerate(_list(data.get("groups"))):
        part["groups"].append((str(item), Origin(document, (*loc, "groups", index))))
    if values := _values(document, (*loc, "vars"), data.get("vars"), absolute=absolute):
        layers.group_values.setdefault(key, []).append(values)


def _members(item: object, hosts: Mapping[str, object]) -> Iterable[str]:
    text = str(item)
    if has_range(text):
        return expand(text)
    if not is_pattern(text):
        return (text,)
    found, unknown = matching(text, tuple(hosts), {})
    if unknown or not found:
        raise Unfit(f"{quoted(text)} matches no host")
    return found


def _values(document: Located, loc: Loc, entry: object, *, absolute: bool) -> Values:
    if not isinstance(entry, dict):
        return {}
    folder = Path(document.path).absolute().parent
    return {
        key: (_absolute(folder, value) if absolute and key in _PATHS else value, Origin(document, (*loc, key)))
        for key, value in entry.items()
    }


def _absolute(folder: Path, value: object) -> object:
    return str(folder / Path(value).expanduser()) if isinstance(value, str) else value


def _around(name: str, parents: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(parents.get(name, ()))
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting += parents.get(parent, ())
    return found


def _mapping(data: object, key: str) -> dict[str, Any]:
    part = data.get(key) if isinstance(data, dict) else None
    return part if isinstance(part, dict) else {}


def _list(value: object) -> Iterator[object]:
    yield from value if isinstance(value, list) else ()

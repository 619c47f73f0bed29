"""Several inventories as one, and an inventory with ranges, patterns and group variables as a plain one.

From the weakest to the strongest word on a host: what ssh(1) uses by default, `defaults`, another tool's inventory,
variables of groups (an inner group before an outer one), entries under patterns (a later one before an earlier one),
the entry of a range, the entry of the host itself. Two words of the same strength that differ are a problem.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.inventory.combined import Builder, Combined, Generated, Origin
from stopgap.orchestrator.inventory.layers import (
    Layers,
    Values,
    for_host,
    group_depths,
    groups_of_hosts,
    is_shared,
    layers_of,
)
from stopgap.orchestrator.inventory.pattern import ALL, matching
from stopgap.orchestrator.inventory.ranges import has_range
from stopgap.orchestrator.source import Located, Problem, did_you_mean, quoted


def is_plain(document: Located) -> bool:
    """Return True for a document without ranges, patterns and group variables."""
    data = document.data if isinstance(document.data, dict) else {}
    hosts, groups = data.get("hosts"), data.get("groups")
    keys = hosts if isinstance(hosts, dict) else {}
    if any(_is_wild(key) for key in keys):
        return False
    entries = [entry for entry in groups.values() if isinstance(entry, dict)] if isinstance(groups, dict) else []
    return not any("vars" in entry or _has_wild_members(entry) for entry in entries)


def _has_wild_members(entry: Mapping[str, object]) -> bool:
    members = entry.get("hosts")
    return isinstance(members, list) and any(isinstance(name, str) and _is_wild(name) for name in members)


def _is_wild(name: str) -> bool:
    return has_range(name) or is_shared(name)


def combine(documents: Sequence[Located], path: str, problems: list[Problem]) -> tuple[Combined, tuple[str, ...]]:
    """Join documents into one without ranges, patterns and group variables; add what clashes to `problems`.

    Returns the document and notes: what an own file says in place of another tool's inventory. The text of a single
    document stays as written; the text of several is generated, with absolute paths.
    """
    layers = layers_of(documents, problems)
    builder = Builder(documents[0])
    alone = len(documents) == 1
    replaced: dict[tuple[str, str, str], list[str]] = {}
    hosts = {}
    joined = _joined(layers, replaced, problems, with_defaults=not alone)
    for name, values in joined.items():
        hosts[name] = {key: value for key, (value, _) in values.items()}
        builder.put(("hosts", name), {}, layers.places["hosts", name])
        for key, (value, origin) in values.items():
            builder.put(("hosts", name, key), value, origin)
    data: dict[str, Any] = {"hosts": hosts, "groups": _groups(layers, builder)}
    if alone and isinstance(defaults := documents[0].data.get("defaults"), dict):
        data["defaults"] = defaults
        builder.put(("defaults",), defaults, Origin(documents[0], ("defaults",)))
    if not alone:
        _check_addresses_given(layers, hosts, builder, problems)
    text = documents[0].text if alone else json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    return builder.document(path, text, data), tuple(_replaced_notes(replaced))


def _joined(
    layers: Layers, replaced: dict[tuple[str, str, str], list[str]], problems: list[Problem], *, with_defaults: bool
) -> dict[str, Values]:
    depths, of_host = group_depths(layers), groups_of_hosts(layers)
    by_pattern = _by_pattern(layers, problems)
    joined = {}
    for name, entries in layers.hosts.items():
        foreign = [values for _, values in entries if _is_foreign(values)]
        own = [(exact, values) for exact, values in entries if not _is_foreign(values)]
        result: Values = {}
        if with_defaults:
            result |= _defaults(layers, name, entries, problems)
        result |= _same_rank(name, foreign, problems)
        before = {key: found for key, found in result.items() if isinstance(found[1].document, Generated)}
        before = {key: found for key, found in before.items() if found[1].loc[0] != "defaults"}
        for depth in sorted({depths[group] for group in of_host.get(name, ())}):
            inner = [group for group in sorted(of_host[name]) if depths[group] == depth]
            said = [for_host(values, name) for group in inner for values in layers.group_values[group]]
            result |= _same_rank("", said, problems)
        for values in by_pattern.get(name, ()):
            result |= for_host(values, name)
        for exact in (False, True):
            result |= _same_rank(name, [values for kind, values in own if kind is exact], problems)
        for key, (value, origin) in before.items():
            if result[key][0] != value:
                replaced.setdefault((key, str(result[key][1].document.path), origin.document.path), []).append(name)
        joined[name] = result
    return joined


def _by_pattern(layers: Layers, problems: list[Problem]) -> dict[str, list[Values]]:
    """Return the entries under patterns for each host, in the order of the files."""
    found: dict[str, list[Values]] = {}
    names = tuple(layers.hosts)
    groups = {name: [host for host, _ in part["hosts"]] for name, part in layers.groups.items()}
    for pattern, values in layers.patterns:
        matched, unknown = matching(pattern, names, groups)
        if unknown or not matched:
            document = next((origin.document for _, origin in values.values()), None)
            if document is not None:
                message = f"{quoted(unknown[0] if unknown else pattern)} matches no host"
                problems.append(document.problem(("hosts", pattern), message, at_key=True))
        for name in matched:
            if name in layers.hosts:
                found.setdefault(name, []).append(values)
    return found


def _defaults(layers: Layers, name: str, entries: Sequence[tuple[bool, Values]], problems: list[Problem]) -> Values:
    """Return the defaults for a host: of the file that gives the host's address, or else of the other files."""
    giving = [origin.document for _, values in entries for key, (_, origin) in values.items() if key == "address"]
    first = giving[0] if giving else None
    result: Values = {}
    if isinstance(first, Generated):
        result |= next(values for document, values in layers.defaults if document is first)
    others = [v for document, v in layers.defaults if document is not first and not isinstance(document, Generated)]
    shared = _same_rank("", [for_host(values, name) for values in others], problems)
    if first is None or isinstance(first, Generated):
        return result | shared
    return result | shared | for_host(next(values for document, values in layers.defaults if document is first), name)


def _same_rank(name: str, several: Sequence[Values], problems: list[Problem]) -> Values:
    """Join words of the same strength; a word that differs from an earlier one is a problem."""
    result: Values = {}
    for values in several:
        for key, (value, origin) in values.items():
            if key in result and result[key][0] != value:
                whose = f"{name}: " if name else ""
                message = f"{whose}`{key}` is {quoted(value)} here, and {quoted(result[key][0])} in {result[key][1]}"
                problems.append(origin.document.problem(origin.loc, message, expected="one of the two, in one place"))
            result[key] = (value, origin)
    return result


def _groups(layers: Layers, builder: Builder) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for name, part in layers.groups.items():
        if name == ALL and not any(part.values()):
            continue
        builder.put(("groups", name), {}, layers.places["groups", name])
        groups[name] = {}
        for kind, members in part.items():
            unique = dict(members)
            if unique:
                groups[name][kind] = list(unique)
                builder.put(("groups", name, kind), {}, layers.places["groups", name])
            for index, origin in enumerate(unique.values()):
                builder.put(("groups", name, kind, index), None, origin)
    return groups


def _check_addresses_given(
    layers: Layers, hosts: Mapping[str, Mapping[str, object]], builder: Builder, problems: list[Problem]
) -> None:
    known = [name for name, fields in hosts.items() if "address" in fields]
    for name, fields in hosts.items():
        if "address" in fields:
            continue
        origin = layers.places["hosts", name]
        if name in layers.groups:
            message, hint = f"{quoted(name)} is a group", f"groups: {{{name}: {{vars: {{…}}}}}}"
        else:
            message = f"no inventory gives an address for {quoted(name)}"
            hint = did_you_mean(name, known) or ""
        problems.append(origin.document.problem(origin.loc, message, hint=hint or None, at_key=True))


def _is_foreign(values: Values) -> bool:
    return any(isinstance(origin.document, Generated) for _, origin in values.values())


def _replaced_notes(replaced: Mapping[tuple[str, str, str], list[str]]) -> Sequence[str]:
    return [
        f"{shortened(hosts)}: `{key}` is taken from {own}, and not from {other}"
        for (key, own, other), hosts in replaced.items()
    ]

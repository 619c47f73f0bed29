"""Patterns of `-t`, as Ansible writes them: `web*`, `web:!web3`, `web:&tokyo`, `all`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

ALL = "all"
_PARTS = re.compile(r"[:,]")


def is_pattern(text: str) -> bool:
    """Return True if the text is more than a single name.

    >>> is_pattern("web"), is_pattern("web*:!web3")
    (False, True)
    """
    return bool(re.search(r"[*?\[:,!&]", text))


def matching(pattern: str, hosts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """Return the hosts matched by a pattern, and the parts of the pattern without a match.

    Parts are joined by `:` or `,`: each part adds hosts, with `!` removes hosts, with `&` keeps the intersection. As
    in Ansible, the order of the parts does not matter: additions come first, then `&`, then `!`.

    >>> matching("web*:!web3", ["web1", "web2", "web3", "db"], {})
    (['web1', 'web2'], [])
    """
    unknown: list[str] = []
    parts = [part for part in _PARTS.split(pattern) if part]
    added = [part for part in parts if part[0] not in "!&"] or [ALL]
    chosen: dict[str, None] = {}
    for part in added:
        chosen |= dict.fromkeys(_members(part, hosts, groups, unknown))
    for part in parts:
        if part[0] == "&":
            both = set(_members(part[1:], hosts, groups, unknown))
            chosen = {name: None for name in chosen if name in both}
    for part in parts:
        if part[0] == "!":
            less = set(_members(part[1:], hosts, groups, unknown))
            chosen = {name: None for name in chosen if name not in less}
    return list(chosen), unknown


def _members(part: str, hosts: Sequence[str], groups: Mapping[str, Sequence[str]], unknown: list[str]) -> list[str]:
    if part in groups:
        return list(groups[part])
    if part == ALL:
        return list(hosts)
    found = [name for name in hosts if fnmatchcase(name, part)]
    for group, members in groups.items():
        if fnmatchcase(group, part):
            found += members
    if not found:
        unknown.append(part)
    return found

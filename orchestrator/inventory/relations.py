"""Consistency of an inventory: known names, no cycles, no duplicate addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stopgap.orchestrator.host import Address, Host
from stopgap.orchestrator.inventory.inventory import Endpoint, endpoint
from stopgap.orchestrator.inventory.models import GroupEntry, name_fault
from stopgap.orchestrator.source import Loc, Located, Problem, did_you_mean, quoted

_RELATIONS = ("upstream", "spare", "jump")


def members_of(group: str, groups: Mapping[str, GroupEntry]) -> tuple[str, ...]:
    """Return the hosts of a group and of its subgroups, in order, without duplicates; a cycle is walked once."""
    members: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [group]
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in groups:
            continue
        seen.add(name)
        members.update(dict.fromkeys(groups[name].hosts))
        waiting.extend(groups[name].groups)
    return tuple(members)


def check_names(document: Located, problems: list[Problem]) -> None:
    """Check the names of hosts and groups: `-t` takes a name of either kind."""
    hosts = _names(document, "hosts")
    for part in ("hosts", "groups"):
        for name in _names(document, part):
            if expected := name_fault(name):
                message = f"{quoted(name)} cannot be a name"
                problems.append(document.problem((part, name), message, expected=expected, at_key=True))
            elif part == "groups" and name in hosts:
                message = f"{quoted(name)} is the name of a host already"
                problems.append(document.problem((part, name), message, at_key=True))


def check_relations(document: Located, hosts: Mapping[str, Host], problems: list[Problem]) -> None:
    """Check each relation for a known, different host, and the chains of jump hosts for cycles."""
    known = _names(document, "hosts")
    defaults = document.data.get("defaults") if isinstance(document.data, dict) else None
    default_jump = defaults.get("jump") if isinstance(defaults, dict) else None
    if isinstance(default_jump, str) and default_jump not in known:
        problems.append(_unknown_host(document, ("defaults", "jump"), default_jump, known))
    for name, host in hosts.items():
        for loc, relation, other in _relations(name, host):
            if loc not in document.values:
                continue
            if loc[3:] and other in host.upstreams[: int(loc[3])]:
                problems.append(document.problem(loc, f"{other} stands twice", expected="each router once"))
            elif other == name:
                problems.append(
                    document.problem(loc, f"{name} cannot be its own {relation}", expected="another host")
                )
            elif other not in known:
                problems.append(_unknown_host(document, loc, other, known))
    reported: set[str] = set()
    for name in hosts:
        circle = _jump_circle(name, hosts)
        if circle and not reported & set(circle):
            reported.update(circle)
            loc = next(("hosts", n, "jump") for n in circle if ("hosts", n, "jump") in document.values)
            message = f"the jumps go in a circle: {' → '.join([*circle, circle[0]])}"
            problems.append(document.problem(loc, message, expected="a host that is reached without them"))


def check_passwords(document: Located, hosts: Mapping[str, Host], problems: list[Problem]) -> None:
    """Check that a password for sudo or su goes to routers and spares alone: a target's attacker would read it."""
    trusted = {name for host in hosts.values() for name in (*host.upstreams, host.spare) if name is not None}
    for name, host in hosts.items():
        if host.become_password is None:
            continue
        loc: Loc = ("hosts", name, "become_password")
        if host.become not in {"sudo", "su"}:
            expected = "`become: sudo` or `become: su` beside it; doas asks on a terminal alone"
            problems.append(document.problem(loc, "no program takes this password", expected=expected))
        elif name not in trusted and host.driver is None and not host.may_block:
            message = f"{name} is no router and no spare, and a password is never sent to a target"
            problems.append(document.problem(loc, message, expected=f"NOPASSWD for {host.user} (sudoers(5))"))


def check_transports(document: Located, hosts: Mapping[str, Host], problems: list[Problem]) -> None:
    """Check that ssh(1) carries sessions with shells alone."""
    for name, host in hosts.items():
        if host.transport == "openssh" and host.cli is not None:
            message = "the command line of a device is spoken over paramiko alone"
            loc: Loc = ("hosts", name, "transport")
            problems.append(document.problem(loc, message, expected="`transport: paramiko` for this host"))


def _relations(name: str, host: Host) -> Iterator[tuple[Loc, str, str]]:
    """Yield the relations of a host: position, kind, related host."""
    for relation in _RELATIONS:
        other = getattr(host, relation)
        if isinstance(other, tuple):
            yield from ((("hosts", name, relation, index), relation, each) for index, each in enumerate(other))
        elif other is not None:
            yield ("hosts", name, relation), relation, other


def check_addresses(document: Located, hosts: Mapping[str, Host], problems: list[Problem]) -> None:
    """Check for two hosts with the same login, and for an address of two machines.

    Several logins at one address and port are one machine under several names.
    """
    logins: dict[tuple[Endpoint, str], str] = {}
    owners: dict[Address, Host] = {}
    for name, host in hosts.items():
        login = (endpoint(host), host.user)
        if login in logins:
            message = f"{host.user} at {host.address} port {host.port} is {logins[login]}'s login already"
            problems.append(document.problem(("hosts", name, "address"), message, expected="an address of its own"))
        logins.setdefault(login, name)
        before: set[Address] = set()
        for index, address in enumerate(host.addresses):
            owner = owners.setdefault(address, host)
            again_here = address in before
            before.add(address)
            if owner is host and not again_here:
                continue
            if owner is not host and (
                endpoint(owner) == endpoint(host) or owner.jump != host.jump or _apart(owner, host, address)
            ):
                continue
            again = "stands twice" if owner is host else f"is {owner.name}'s already"
            loc: Loc = ("hosts", name, "addresses", index)
            if loc not in document.values:
                loc = ("hosts", name, "address")
            problems.append(document.problem(loc, f"{address} {again}", expected="an address of its own"))


def _apart(one: Host, other: Host, address: Address) -> bool:
    """Return True for a private address of hosts that stand at two sites."""
    return not address.is_global and None not in {one.site, other.site} and one.site != other.site


def check_groups(document: Located, groups: Mapping[str, GroupEntry], problems: list[Problem]) -> None:
    """Check groups for unknown hosts and groups, and for cycles."""
    hosts, names = _names(document, "hosts"), _names(document, "groups")
    for name, group in groups.items():
        for index, host in enumerate(group.hosts):
            if host not in hosts:
                loc: Loc = ("groups", name, "hosts", index)
                hint = f"{host} is a group: name it under `groups`" if host in names else None
                problems.append(_unknown_host(document, loc, host, hosts, hint))
        for index, inner in enumerate(group.groups):
            loc = ("groups", name, "groups", index)
            if inner not in names:
                hint = did_you_mean(inner, names)
                problems.append(document.problem(loc, f"there is no group {quoted(inner)}", hint=hint))
            elif inner == name or name in _groups_below(inner, groups):
                problems.append(document.problem(loc, f"{inner} contains {name}: the groups go in a circle"))


def _groups_below(group: str, groups: Mapping[str, GroupEntry]) -> set[str]:
    below: set[str] = set()
    waiting = [group]
    while waiting:
        entry = groups.get(waiting.pop())
        new = set(entry.groups) - below if entry else set()
        below |= new
        waiting.extend(new)
    return below


def _jump_circle(name: str, hosts: Mapping[str, Host]) -> list[str]:
    """Return the hosts of a cycle of two or more hosts from `name` back to `name`."""
    chain = list(_jumps(name, hosts))
    return [name, *chain[: chain.index(name)]] if name in chain and chain[0] != name else []


def _jumps(name: str, hosts: Mapping[str, Host]) -> Iterator[str]:
    for _ in hosts:
        host = hosts.get(name)
        if host is None or host.jump is None:
            return
        name = host.jump
        yield name


def _unknown_host(document: Located, loc: Loc, name: str, known: Collection[str], hint: str | None = None) -> Problem:
    return document.problem(loc, f"there is no host {quoted(name)}", hint=hint or did_you_mean(name, known))


def _names(document: Located, part: str) -> dict[str, Any]:
    names = document.data.get(part) if isinstance(document.data, dict) else None
    return names if isinstance(names, dict) else {}

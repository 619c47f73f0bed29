"""Ansible's inventory, as `ansible-inventory --list` or an inventory script prints the groups.

Sources: Ansible's manual, "Building Ansible inventories" and "Developing dynamic inventory".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from stopgap.orchestrator.host import Become
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.inventory.foreign.login import Destination, jumps_of, options_of, with_jumps
from stopgap.orchestrator.inventory.foreign.model import HostFields, Understood, fitting_name, patience
from stopgap.orchestrator.inventory.foreign.variables import NotFilledIn, Variables

_SSH = frozenset({"ssh", "smart", "paramiko", "paramiko_ssh", "libssh", "ansible.netcommon.libssh"})
_DEVICE = frozenset({"network_cli", "netconf", "httpapi"})
_COMMAND_LINES = {"vyos": "vyos", "routeros": "routeros", "junos": "junos", "eos": "eos", "ios": "ios"}
_OWN = "stopgap_"
_SECRET_NAMES = ("ansible_password", "ansible_ssh_pass", "ansible_become_password", "ansible_become_pass")


def from_listing(listing: Mapping[str, Any], source: str, folder: Path) -> Understood:
    """Convert Ansible's listing into inventory entries; `folder`: Ansible's `inventory_dir`.

    `listing`: groups by name, each with `hosts`, `children` and `vars`, and `_meta.hostvars` with every host's own
    variables. Hosts with a connection other than SSH, and hosts whose login is a template that only Ansible fills in,
    are left out, by name and with the reason.
    """
    own = _dict(_dict(listing.get("_meta")).get("hostvars"))
    groups = _groups(listing)
    names = list(dict.fromkeys([*own, *(host for part in groups.values() for host in part["hosts"])]))
    inherited = _group_variables(groups)
    variables = {name: inherited.get(name, {}) | _dict(own.get(name)) for name in names}
    hosts: dict[str, HostFields] = {}
    jumps: dict[str, list[Destination]] = {}
    left_out: dict[str, str] = {}
    notes: list[str] = []
    with_password: list[str] = []
    for name in names:
        known = Variables(name, variables[name], folder)
        try:
            if reason := _unreachable(known):
                left_out[name] = reason
                continue
            fields, chain = _host(name, known)
        except NotFilledIn as unknown:
            left_out[name] = str(unknown)
            continue
        hosts[fitting_name(name)] = fields
        if chain:
            jumps[fitting_name(name)] = chain
        if fitting_name(name) != name:
            notes.append(f"{name} is called {fitting_name(name)} here")
        if known.given(*_SECRET_NAMES):
            with_password.append(name)
    if with_password:
        notes.append(f"{shortened(with_password)}: passwords are not used; Stopgap logs in with keys")
    return Understood(
        source=source,
        hosts=with_jumps(hosts, jumps),
        groups=_own_groups({name: part for name, part in groups.items() if name != "all"}, set(hosts)),
        left_out=left_out,
        notes=tuple(notes),
    )


def _unreachable(variables: Variables) -> str:
    """Return the reason for a missing SSH login; empty for a host with SSH."""
    connection = (variables.text("ansible_connection") or "ssh").rpartition(".")[2]
    if connection in {each.rpartition(".")[2] for each in _SSH} | {"local"}:
        return ""
    if connection in _DEVICE:
        system = _network_os(variables)
        if system in _COMMAND_LINES:
            return ""
        return f"its ansible_network_os is {system or 'not given'}; known: {', '.join(_COMMAND_LINES)}"
    return f"its ansible_connection is {connection}, and Stopgap speaks SSH"


def _host(name: str, variables: Variables) -> tuple[HostFields, list[Destination]]:
    keys = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
    arguments = " ".join(filter(None, (variables.text(key) for key in keys)))
    options: dict[str, str] = {}
    for key, word in options_of(arguments):
        options.setdefault(key, word)
    fields: HostFields = {"address": str(variables.first("ansible_host", "ansible_ssh_host") or name)}
    if port := _port(variables.first("ansible_port", "ansible_ssh_port") or options.get("port")):
        fields["port"] = port
    if user := variables.first("ansible_user", "ansible_ssh_user") or options.get("user"):
        fields["user"] = str(user)
    fields |= patience(
        str(variables.first("ansible_ssh_timeout", "ansible_timeout") or options.get("connecttimeout"))
    )
    identity = variables.first("ansible_private_key_file", "ansible_ssh_private_key_file")
    if identity := identity or options.get("identityfile"):
        fields["identity"] = str(identity)
    if options.get("userknownhostsfile"):
        fields["known_hosts"] = options["userknownhostsfile"].split()[0]
    if variables.text("ansible_connection").rpartition(".")[2] == "local":
        fields["connection"] = "local"
    if _true(variables.first("ansible_become")) and fields.get("user", "root") != "root":
        method = (variables.text("ansible_become_method") or "sudo").rpartition(".")[2]
        fields |= {"become": method} if method in get_args(Become) else {}
    if (system := _network_os(variables)) in _COMMAND_LINES:
        fields["driver"] = _COMMAND_LINES[system]
    fields |= variables.starting_with(_OWN)
    return fields, jumps_of(arguments)


def _network_os(variables: Variables) -> str:
    return variables.text("ansible_network_os").rpartition(".")[2]


def _port(value: object) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _true(value: object) -> bool:
    return value is True or str(value).lower() in {"true", "yes", "on", "1"}


def _dict(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _groups(listing: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every group with its `hosts` (a script may list hosts alone), `children` and `vars`."""
    groups = {}
    for name, part in listing.items():
        if name == "_meta":
            continue
        shape = {"hosts": part} if isinstance(part, list) else _dict(part)
        groups[str(name)] = {
            "hosts": [str(host) for host in shape.get("hosts") or ()],
            "children": [str(child) for child in shape.get("children") or ()],
            "vars": _dict(shape.get("vars")),
        }
    return groups


def _group_variables(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each host's group variables; an inner group takes precedence over an outer group, as in Ansible."""
    parents: dict[str, list[str]] = {name: [] for name in groups}
    for name, part in groups.items():
        for child in part["children"]:
            if child in parents:
                parents[child].append(name)
    lines = {name: _ancestors(name, parents) for name in groups}
    depth = {name: len(line) for name, line in lines.items()}
    of_host: dict[str, set[str]] = {}
    for name, part in groups.items():
        for host in part["hosts"]:
            of_host.setdefault(host, {"all"} & set(groups)).update((name, *lines[name]))
    merged: dict[str, dict[str, Any]] = {}
    for host, names in of_host.items():
        merged[host] = {}
        for name in sorted(names, key=lambda name: (name != "all", depth[name], name)):
            merged[host] |= groups[name]["vars"]
    return merged


def _ancestors(name: str, parents: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(parents[name])
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting += parents[parent]
    return found


def _own_groups(groups: Mapping[str, Mapping[str, Any]], hosts: set[str]) -> dict[str, dict[str, list[str]]]:
    """Return the groups in Stopgap's form: without excluded hosts, and without names of hosts."""
    own: dict[str, dict[str, list[str]]] = {}
    for group, part in groups.items():
        if fitting_name(group) in hosts:
            continue
        members = [fitting_name(host) for host in part["hosts"] if fitting_name(host) in hosts]
        inner = [
            fitting_name(child) for child in part["children"] if child in groups and fitting_name(child) not in hosts
        ]
        own[fitting_name(group)] = {"hosts": members, "groups": inner}
    return own

"""Offline checks of the files for a login: private keys and known_hosts, on the controller."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.remote.identity.key_file import fault, read
from stopgap.orchestrator.remote.known_hosts import host_names, pinned_keys
from stopgap.orchestrator.source import Problem
from stopgap.orchestrator.text import tr


def file_problems(inventory: Inventory, hosts: Iterable[Host]) -> Iterator[Problem]:
    """Yield a problem for each missing, unreadable or malformed file needed for the hosts' logins."""
    for host in hosts:
        if host.connection != "ssh":
            continue
        if host.identity is not None and (wrong := _key_fault(host.identity)):
            yield inventory.problem(
                host.name,
                "identity",
                tr("the private key {identity}: {wrong}", identity=host.identity, wrong=wrong[0]),
                wrong[1],
            )
        if host.known_hosts is not None and (reason := unreadable(host.known_hosts)):
            message = tr("the known_hosts file {known_hosts}: {reason}", known_hosts=host.known_hosts, reason=reason)
            yield inventory.problem(
                host.name,
                "known_hosts",
                message,
                tr("pin the host keys: ssh-keyscan HOST >> {known_hosts}", known_hosts=host.known_hosts),
            )


def login_notes(inventory: Inventory, hosts: Iterable[Host]) -> Iterator[Problem]:
    """Yield a note for each host without a possible login: no key pinned, or no key named."""
    for host in hosts:
        if host.connection != "ssh" or host.ssh_config:
            continue
        if host.identity is None and not host.default_identities:
            yield inventory.problem(
                host.name, "address", tr("no `identity` names a private key for {host}", host=host.name)
            )
        if host.known_hosts is None:
            yield inventory.problem(
                host.name, "address", tr("no `known_hosts` names a file with {host}'s keys", host=host.name)
            )
        elif not unreadable(host.known_hosts) and not _is_pinned(host.known_hosts, host):
            message = tr(
                "{known_hosts} pins no key of {host_names}",
                known_hosts=host.known_hosts,
                host_names=host_names(host.address, host.port)[0],
            )
            yield inventory.problem(
                host.name, "known_hosts", message, tr("pin the host's key: {host}", host=_scan(host))
            )


def _is_pinned(path: Path, host: Host) -> bool:
    """Return True for a pinned key; a file with the plain host name needs no line-by-line match."""
    if not _plain_names(path).isdisjoint(host_names(host.address, host.port)):
        return True
    if not _has_patterns(path):
        return False
    pinned = pinned_keys(path, host_names(host.address, host.port))
    return bool(pinned.keys or pinned.authorities)


@cache
def _plain_names(path: Path) -> frozenset[str]:
    lines = path.read_text("utf-8", "surrogateescape").splitlines()
    names = (line.split(maxsplit=1)[0].lower() for line in lines if line.strip() and not line.startswith(("#", "@")))
    return frozenset(name for field in names for name in field.split(",") if not re.search(r"[*?!|]", name))


@cache
def _has_patterns(path: Path) -> bool:
    return bool(re.search(r"[*?!|]|^@cert-authority", path.read_text("utf-8", "surrogateescape"), re.MULTILINE))


def _scan(host: Host) -> str:
    port = f" -p {host.port}" if host.port != 22 else ""
    return f"ssh-keyscan{port} {host.address} >> {host.known_hosts}, where the path is yours"


@cache
def _key_fault(path: Path) -> tuple[str, str | None] | None:
    if reason := unreadable(path):
        return reason, None
    return fault(path, read(path))


@cache
def unreadable(path: Path) -> str:
    """Return the reason for an unreadable file; empty for a readable file. Only regular files are opened."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return "a directory" if stat.S_ISDIR(mode) else tr("no regular file")
        path.open("rb").close()
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    return ""

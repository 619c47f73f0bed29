"""Hosts as typed: `root@203.0.113.10`, an alias of ssh_config(5), or an address without a login."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

from stopgap.orchestrator.host import Address
from stopgap.orchestrator.inventory.foreign.login import Destination, destination
from stopgap.orchestrator.inventory.foreign.model import fitting_name
from stopgap.orchestrator.remote.ssh_settings import SshSettings, SshSettingsError, ssh_settings
from stopgap.orchestrator.source import InvalidInput, Problem
from stopgap.orchestrator.text import tr

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}", re.ASCII)


@dataclass(frozen=True)
class Typed:
    """A host as typed, with the settings of ssh_config(5) for the host."""

    name: str
    """The name of the host in the inventory."""
    entry: dict[str, Any]
    """The login in the inventory: `address`, `user`, `port`, `ssh_config` and the like."""
    addresses: tuple[Address, ...]
    """The address typed, or those that the name resolves to."""
    logs_in: bool = True
    """False for an address without a login."""

    def with_entry(self, **fields: Any) -> Typed:  # noqa: ANN401
        """Return the host with further keys of the inventory."""
        return replace(self, entry={**self.entry, **fields})


def typed(word: str, where: str, *, login: bool = True) -> Typed:
    """Return the host of a word.

    `where`: the option, for messages. `login`: False for a host to cut off, where an address without `LOGIN@` is not
    logged in to. Raises InvalidInput for what is no login, and for a name without an address.
    """
    found = destination(word)
    if found is None or not (_literal(found.host) or _NAME.fullmatch(found.host)):
        raise InvalidInput(
            [
                Problem(
                    where, tr("{word} is no host", word=f"{word!r}"), expected=tr("LOGIN@HOST, HOST, or an address")
                )
            ]
        )
    literal = _literal(found.host)
    logs_in = login or found.user is not None or literal is None
    name = fitting_name(found.host)
    if not logs_in:
        return Typed(name, {"address": found.host}, tuple(_resolved(found.host, where)), logs_in=False)
    try:
        settings = ssh_settings(found.host, user=found.user, port=found.port)
    except SshSettingsError:
        return Typed(name, _as_ssh_would(found), tuple(_resolved(found.host, where)))
    entry = _by_ssh(found, settings)
    return Typed(name, entry, tuple(_resolved(settings.address, where)))


def _by_ssh(found: Destination, settings: SshSettings) -> dict[str, Any]:
    alias: bool | str = True if settings.address == found.host else found.host
    port = {"port": settings.port} if settings.port != 22 else {}
    return {"address": settings.address, "user": settings.user, **port, "ssh_config": alias}


def _as_ssh_would(found: Destination) -> dict[str, Any]:
    """Return the login without ssh(1) on this machine: its default keys, agent and known hosts."""
    port = {"port": found.port} if found.port else {}
    user = {"user": found.user} if found.user else {}
    return {
        "address": found.host,
        **user,
        **port,
        "default_identities": True,
        "known_hosts": "~/.ssh/known_hosts",
    }


def _resolved(name: str, where: str) -> Iterator[Address]:
    """Yield the addresses of a name, each once, in the resolver's order."""
    if (literal := _literal(name)) is not None:
        yield literal
        return
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        hint = tr("type the address itself")
        raise InvalidInput([Problem(where, f"{name}: {error.strerror or error}", hint=hint)]) from None
    yield from dict.fromkeys(ip_address(str(info[4][0]).partition("%")[0]) for info in found)


def _literal(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None

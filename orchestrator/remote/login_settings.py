"""The settings of one login: of the inventory, and of ssh_config(5) where the inventory asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory.foreign.login import Destination
from stopgap.orchestrator.remote.identity.choice import KeyChoice, chosen_keys
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.remote.ssh_settings import SshSettings, SshSettingsError, ssh_settings
from stopgap.orchestrator.text import tr

_DEFAULT_PATIENCE, _LONGEST_PATIENCE = 10, 600
_MOST_HOPS = 16


@dataclass(frozen=True)
class Login:
    """One login. Every value comes from the operator's files; no value comes from a host."""

    host: Host
    """The host, with the address, port and user of the connection."""
    keys: KeyChoice
    known_hosts: tuple[Path, ...] = ()
    """Files with pinned host keys; the first is named in messages."""
    known_as: str | None = None
    """The name in known_hosts, where it is not the address (HostKeyAlias)."""
    via: Login | None = None
    """The login at the last jump host on the way."""

    @property
    def way(self) -> tuple[Login, ...]:
        """The login itself and those at the jump hosts, the last hop first."""
        return (self, *(self.via.way if self.via else ()))


def login_of(host: Host, hosts: Mapping[str, Host]) -> Login:
    """Return the login of a host of the inventory `hosts`. Raises Unreachable for a way that leads nowhere.

    Runs `ssh -G` for a host with `ssh_config`. What the inventory says itself goes before what ssh_config says.
    """
    return _login(host, hosts, frozenset())


def _login(host: Host, hosts: Mapping[str, Host], seen: frozenset[str]) -> Login:
    via = None
    if host.jump is not None:
        if host.jump in seen | {host.name} or host.jump not in hosts:
            raise Unreachable(host.name, tr("its jump host {jump} leads nowhere", jump=host.jump), "network")
        via = _login(hosts[host.jump], hosts, seen | {host.name})
    if not host.ssh_config:
        known_hosts = (host.known_hosts,) if host.known_hosts is not None else ()
        return Login(host, chosen_keys(host), known_hosts, via=via)
    return _by_ssh_config(host, via)


def _by_ssh_config(host: Host, via: Login | None) -> Login:
    alias = host.ssh_config if isinstance(host.ssh_config, str) else host.address
    said_itself = host.model_fields_set
    settings = _settings(
        host,
        alias,
        host.user if "user" in said_itself else None,
        host.port if "port" in said_itself else None,
    )
    changes: dict[str, Any] = {"user": settings.user, "port": settings.port}
    if settings.address != alias:
        changes["address"] = settings.address
    if "connect_timeout" not in said_itself and (settings.connect_timeout or 0) > _DEFAULT_PATIENCE:
        patience = min(settings.connect_timeout or 0, _LONGEST_PATIENCE)
        changes["connect_timeout"] = timedelta(seconds=patience)
    described = host.model_copy(update=changes)
    if via is None:
        if settings.proxy_command is not None:
            what = tr("its ProxyCommand of ssh_config(5) runs with `transport: openssh` alone")
            raise Unreachable(host.name, tr("{what}; set that, or name the way with `jump`", what=what), "network")
        via = _through(host, settings.jumps)
    return Login(
        described,
        _keys(host, settings),
        (host.known_hosts,) if host.known_hosts is not None else settings.known_hosts,
        settings.key_alias,
        via,
    )


def _through(host: Host, jumps: tuple[Destination, ...], depth: int = 0) -> Login | None:
    """Return the login at the last of the jump hosts; an alias may have jump hosts of its own."""
    via: Login | None = None
    for jump in jumps:
        if depth == _MOST_HOPS:
            raise Unreachable(
                host.name, tr("its jump hosts in ssh_config(5) lead in a circle at {host}", host=jump.host), "network"
            )
        settings = _settings(host, jump.host, jump.user, jump.port)
        name = f"{settings.user}@{settings.address}:{settings.port}"
        hop = Host.model_construct(
            name=name, address=settings.address, port=settings.port, user=settings.user, ssh_config=jump.host
        )
        before = via or _through(host, settings.jumps, depth + 1)
        via = Login(hop, _keys(hop, settings), settings.known_hosts, settings.key_alias, before)
    return via


def _settings(host: Host, alias: str, user: str | None, port: int | None) -> SshSettings:
    try:
        return ssh_settings(alias, user=user, port=port)
    except SshSettingsError as error:
        raise Unreachable(host.name, str(error), "identity") from None


def _keys(host: Host, settings: SshSettings) -> KeyChoice:
    if host.identity is not None:
        return chosen_keys(host)
    return KeyChoice(
        settings.identities,
        required=False,
        asks=settings.names_identities,
        others_of_agent=not settings.identities_only,
        agent=settings.agent,
        certificates=settings.certificates,
        passphrase=host.identity_passphrase,
    )

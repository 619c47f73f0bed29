"""A host as described by the inventory, and the scene of a step. No value here comes from a host."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.secret import Secret

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Vantage: TypeAlias = Literal["target", "upstream", "spare", "controller"]
"""Where a step acts."""

CheckVantage: TypeAlias = Literal["target", "upstream", "spare", "controller", "outside"]
"""Where a check looks from: a vantage, or every host that the inventory marks `vantage: outside`."""


Cli: TypeAlias = Literal["vyos", "routeros", "junos", "eos", "ios"]
"""Whose command line a network device without a shell has; `ios` is IOS and IOS-XE."""


class Host(BaseModel):
    """One host with its connection parameters and its relations by name; paths are absolute."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    name: str
    address: str
    port: int = 22
    user: str = "root"
    addresses: tuple[Address, ...] = ()
    upstream: str | tuple[str, ...] | None = None
    """The router above it, or all of them where there are several."""
    spare: str | None = None
    jump: str | None = None
    driver: str | None = None
    cli: Cli | None = None
    """It has no shell, but this command line."""
    switchport: str | None = None
    """The port that its cable is in, as the switch that is its upstream calls it."""
    may_block: tuple[Network, ...] = ()
    never_block: tuple[Network, ...] = ()
    vantage: Literal["outside"] | None = None
    connection: Literal["ssh", "local"] = "ssh"
    become: Literal["sudo"] | None = None
    identity: Path | None = None
    identity_passphrase: Secret | None = None
    known_hosts: Path | None = None
    connect_timeout: Duration | None = None
    """From the first packet to a login; None: the default of the connection layer, as with the next."""
    first_word_timeout: Duration | None = None
    """To the first word of its SSH server once the connection stands, and of its shell once a script was sent."""

    @property
    def upstreams(self) -> tuple[str, ...]:
        """Names of all upstreams of the host, in the inventory's order."""
        return (self.upstream,) if isinstance(self.upstream, str) else self.upstream or ()

    @property
    def known_addresses(self) -> tuple[Address, ...]:
        """Return the host's own addresses; without a list in the inventory, a numeric connection address."""
        if self.addresses:
            return self.addresses
        try:
            return (ip_address(self.address),)
        except ValueError:
            return ()


CONTROLLER = Host(name="controller", address="127.0.0.1", connection="local")


class Scene(BaseModel):
    """The hosts of one step on one target."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    target: Host
    on: Host
    """The host on which the step acts."""
    upstream: Host | None = None
    """The one that the step acts on, or else the first."""
    beside: tuple[Host, ...] = ()
    """The target's other upstreams."""
    spare: Host | None = None
    outside: tuple[Host, ...] = ()
    others: Sequence[Host] = ()
    """Every other host of the inventory."""
    controller: str = ""
    """Names the controller on devices, so that another controller's work is told from its own."""

    @property
    def upstreams(self) -> tuple[Host, ...]:
        """All upstreams of the target, in the inventory's order."""
        known = {host.name: host for host in (self.upstream, *self.beside) if host}
        return tuple(known[name] for name in self.target.upstreams if name in known)

    def seen_from(self, vantage: CheckVantage) -> tuple[Host, ...]:
        """Return the hosts of the vantage; empty if the inventory has no such host."""
        if vantage == "controller":
            return (CONTROLLER,)
        if vantage == "outside":
            return self.outside
        host = {"target": self.target, "upstream": self.upstream, "spare": self.spare}[vantage]
        return (host,) if host else ()

"""A host as described by the inventory, and the scene of a step. No value here comes from a host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Literal, TypeAlias, overload

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.translatable import Translatable

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Vantage: TypeAlias = Literal["target", "upstream", "spare", "controller"]
"""The place of a step's acts."""

CheckVantage: TypeAlias = Literal["target", "upstream", "spare", "controller", "outside"]
"""The place of a check's observation: a vantage, or every host marked `vantage: outside` in the inventory."""


Cli: TypeAlias = Literal["vyos", "routeros", "junos", "eos", "ios"]
"""The kind of command line on a network device without a shell; `ios` is IOS and IOS-XE."""


Become: TypeAlias = Literal["sudo", "doas", "su"]
"""How the account of a login becomes root."""

AUTO = "auto"
"""In place of a driver's name: the driver is found out on the router, by reading alone."""


class Host(BaseModel):
    """One host with its connection parameters and its relations by name; paths are absolute.

    >>> Host(name="web", address="192.0.2.7", upstream="edge").upstreams
    ('edge',)
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    name: str
    address: str
    port: int = 22
    user: str = "root"
    addresses: tuple[Address, ...] = ()
    upstream: str | tuple[str, ...] | None = None
    """The upstream router, or all upstream routers."""
    spare: str | None = None
    jump: str | None = None
    site: str | None = None
    """Name of the site whose runner reaches the host."""
    driver: str | None = None
    """Name of the driver; `None`, like `auto`: found out on the router."""
    cli: Cli | None = None
    """The device's command line, in place of a shell."""
    switchport: str | None = None
    """The host's port, as named by the upstream switch."""
    guest: str | None = None
    """The host's name, number or port, as known by the upstream hypervisor."""
    may_block: tuple[Network, ...] = ()
    never_block: tuple[Network, ...] = ()
    vantage: Literal["outside"] | None = None
    connection: Literal["ssh", "local", "exec"] = "ssh"
    exec: tuple[str, ...] = ()
    """The provider's program with its arguments, for `connection: exec`."""
    env: tuple[str, ...] = ()
    """Names of environment variables handed to the provider's program."""
    transport: Literal["paramiko", "openssh"] = "paramiko"
    become: Become | None = None
    become_password: Secret | None = None
    """Of a router or a spare; never sent to a target."""
    sudo_for: tuple[str, ...] = ()
    """Programs that sudo(8) lets the account run as root, where the account does not become root."""
    identity: Path | None = None
    identity_passphrase: Secret | None = None
    default_identities: bool = False
    """Without `identity`: the agent's keys, then the default keys of ssh(1)."""
    ssh_config: bool | str = False
    """~/.ssh/config gives what the inventory does not say: of this alias, or of the address."""
    known_hosts: Path | None = None
    connect_timeout: Duration | None = None
    """Seconds from the first packet to a login; `None`: the default of the connection layer."""
    first_word_timeout: Duration | None = None
    """Seconds to the first byte: of the SSH server on a new connection, and of the shell after a script."""

    @property
    def named_driver(self) -> str | None:
        """Name of the driver in the inventory; `None` for a driver to be found out."""
        return None if self.driver == AUTO else self.driver

    @property
    def upstreams(self) -> tuple[str, ...]:
        """Names of all upstreams of the host, in the inventory's order."""
        return (self.upstream,) if isinstance(self.upstream, str) else self.upstream or ()

    @property
    def scope(self) -> str:
        """Return the site within which the connection address is this host's; empty without a site.

        A public address is one host everywhere. A private one (RFC 1918, ULA) and a name belong to the site.

        >>> Host(name="edge", address="10.9.0.1", site="tokyo").scope
        'tokyo'
        """
        if not self.site:
            return ""
        try:
            public = ip_address(self.address).is_global
        except ValueError:
            public = False
        return "" if public else self.site

    @property
    def has_shell(self) -> bool:
        """Return True for a host with a POSIX shell: no device with a command line, and no provider's program."""
        return self.cli is None and self.connection != "exec"

    @property
    def known_addresses(self) -> tuple[Address, ...]:
        """Return the host's own addresses; without a list in the inventory, a numeric connection address."""
        if self.addresses:
            return self.addresses
        try:
            return (ip_address(self.address),)
        except ValueError:
            return ()


class DriverFound(BaseModel):
    """The driver found out on a router that has none in the inventory."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    driver: str | None
    """`None`: no driver fits."""
    cli: Cli | None = None
    """The command line of a router without a shell."""
    why: Translatable
    """What was seen on the router; without a driver, what to do."""

    def of(self, host: Host) -> Host:
        """Return the host as if the inventory named the driver."""
        return host.model_copy(update={"driver": self.driver, "cli": self.cli}) if self.driver else host


CONTROLLER = Host(name="controller", address="127.0.0.1", connection="local")


class OtherHosts(Sequence[Host]):
    """The hosts of an inventory, a few excepted, gathered on first use: a scene stays cheap with 50,000 hosts."""

    def __init__(self, hosts: Mapping[str, Host], excepted: frozenset[str]) -> None:
        self._hosts = hosts
        self._excepted = excepted

    def named(self, name: str) -> Host | None:
        """Return the host with this name; None for an unknown name or an excepted host."""
        return None if name in self._excepted else self._hosts.get(name)

    @cached_property
    def _found(self) -> tuple[Host, ...]:
        return tuple(host for host in self._hosts.values() if host.name not in self._excepted)

    @overload
    def __getitem__(self, index: int) -> Host: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Host]: ...
    def __getitem__(self, index: int | slice) -> Host | Sequence[Host]:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._found == tuple(other)

    def __hash__(self) -> int:
        return hash(self._found)


class Scene(BaseModel):
    """The hosts of one step on one target."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    target: Host
    on: Host
    """The host of the step's acts."""
    upstream: Host | None = None
    """The upstream of the step, or else the first upstream."""
    beside: tuple[Host, ...] = ()
    """The target's other upstreams."""
    spare: Host | None = None
    outside: tuple[Host, ...] = ()
    others: Sequence[Host] = ()
    """Every other host of the inventory."""
    found: DriverFound | None = None
    """How the driver of `on` was found out; `None`: the inventory names the driver, or nobody has looked yet."""
    controller: str = ""
    """Name of the controller on devices, to tell apart the work of several controllers."""

    def host_named(self, name: str) -> Host | None:
        """Return a host of the scene by its name; None for the target, and for a name that the scene lacks."""
        near = (self.upstream, *self.beside, self.spare, *self.outside)
        if found := next((host for host in near if host and host.name == name), None):
            return found
        if isinstance(self.others, OtherHosts):
            return self.others.named(name)
        return next((host for host in self.others if host.name == name), None)

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

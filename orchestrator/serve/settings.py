"""How the page is served: values that the command line gives, checked against each other."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TypeAlias

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.serve.login import Login
from stopgap.orchestrator.serve.permission import May, ReadOnly
from stopgap.orchestrator.text import tr

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names under which a browser on the same machine, or at the near end of an SSH tunnel, asks for the page."""


@dataclass(frozen=True)
class UnixPlace:
    """A Unix socket, mode 0600."""

    path: Path


@dataclass(frozen=True)
class TcpPlace:
    """An address and a port."""

    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Return True for an address that only this machine reaches."""
        return self.address == "localhost" or ipaddress.ip_address(self.address).is_loopback


@dataclass(frozen=True)
class InheritedPlace:
    """The socket that systemd.socket(5) has opened."""


Place: TypeAlias = UnixPlace | TcpPlace | InheritedPlace


@dataclass(frozen=True)
class Settings:
    """What the page needs to know beside the journal."""

    login: Login
    may: May = ReadOnly
    hosts: tuple[str, ...] = ()
    """Names in the Host header beside those of loopback: what people type who come through a proxy."""
    proxies: tuple[str, ...] = ()
    """Addresses of the only peers that may connect over TCP; empty: every peer that reaches the place."""
    zone: tzinfo = field(default=UTC)
    """Of the times that are shown."""
    metrics: bool = False
    """`/metrics` is there, for whoever reaches the place: a collector has no session."""


def place_of(listen: str) -> TcpPlace:
    """Return the place of `ADDRESS:PORT` or `[ADDRESS]:PORT`; raises UsageError.

    >>> place_of("[::1]:8617")
    TcpPlace(address='::1', port=8617)
    """
    address, _, port = listen.rpartition(":")
    name = address.removeprefix("[").removesuffix("]")
    try:
        if name != "localhost":
            ipaddress.ip_address(name)
        if not port.isascii() or not 0 <= int(port) < 65536:
            raise ValueError
    except ValueError:
        raise UsageError(
            tr("--listen {listen}: expected ADDRESS:PORT, such as 127.0.0.1:8617", listen=listen)
        ) from None
    return TcpPlace(name, int(port))


def see_that_it_is_guarded(place: Place, *, header: str | None, proxies: tuple[str, ...]) -> None:
    """Refuse a place that strangers reach, and a header that strangers could send. Raises UsageError."""
    for proxy in proxies:
        try:
            ipaddress.ip_address(proxy)
        except ValueError:
            raise UsageError(tr("--proxy {proxy}: expected an IP address", proxy=proxy)) from None
    if isinstance(place, TcpPlace) and not place.is_loopback and not proxies:
        raise UsageError(
            tr(
                "{address} can be reached from elsewhere: listen on a Unix socket or on 127.0.0.1, or name the "
                "only peer that may connect: --proxy ADDRESS",
                address=place.address,
            )
        )
    if header and isinstance(place, TcpPlace) and not proxies:
        raise UsageError(
            tr(
                "--trust-header {header}: whoever reaches the port could send it; listen on a Unix socket, or name "
                "the proxy: --proxy ADDRESS",
                header=header,
            )
        )

"""Logins, root, clocks: one look at all hosts at once. A host that is down costs one timeout."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from stopgap.orchestrator.facts import Clock, DeviceOrigin, System, SystemFact
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.plan import FactReader, OutOfReach
from stopgap.orchestrator.ready.item import Item
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr

SKEW = 5.0
"""Most seconds between a host's clock and the controller's; evidence and timers are read by both."""
_WHO = System()


def look_at_hosts(hosts: Sequence[Host], needing_root: frozenset[str], read: FactReader) -> Iterator[Item]:
    """Yield the login of each host, whether it is root's where root is needed, and the clock."""
    for host in hosts:
        if host.connection == "exec":
            yield _program(host)
    hosts = [host for host in hosts if host.connection != "exec"]
    with_shell = [host for host in hosts if host.cli is None]
    devices = [host for host in hosts if host.cli is not None]
    looks = read([*((host, _WHO) for host in with_shell), *((host, DeviceOrigin()) for host in devices)])
    inside: list[Host] = []
    for host in hosts:
        look = looks[host.name, DeviceOrigin() if host.cli else _WHO]
        login = tr("this machine") if host.connection == "local" else f"{host.user}@{host.address}:{host.port}"
        if isinstance(look, OutOfReach):
            yield Item(host.name, "login", "lacks", f"{login}: {look}")
            continue
        yield Item(host.name, "login", "ready", f"{login}{f', {host.become}' if host.become else ''}")
        if isinstance(look, SystemFact):
            inside.append(host)
            if look.uid != 0 and not host.sudo_for and host.name in needing_root:
                yield Item(
                    host.name,
                    "login",
                    "lacks",
                    tr("{login} is not root: connect as root, or `become: sudo`", login=login),
                )
    yield from _clocks(inside, read)


def _program(host: Host) -> Item:
    """Return whether a provider's program is there to be run."""
    program = join(host.exec)
    if shutil.which(host.exec[0] if host.exec else "") is None:
        return Item(host.name, "login", "lacks", tr("{program}: no such program", program=program))
    return Item(host.name, "login", "ready", program)


def _clocks(hosts: Sequence[Host], read: FactReader) -> Iterator[Item]:
    before = datetime.now(UTC)
    looks = read([(host, Clock()) for host in hosts])
    after = datetime.now(UTC)
    for host in hosts:
        at = looks[host.name, Clock()]
        if not isinstance(at, datetime):
            yield Item(host.name, "clock", "lacks", tr("its clock cannot be read: {at}", at=at))
            continue
        behind, ahead = (before - at).total_seconds() - 1, (at - after).total_seconds()
        skew, way = (behind, "behind") if behind > ahead else (ahead, "ahead")
        if skew > SKEW:
            yield Item(
                host.name,
                "clock",
                "lacks",
                tr("{skew} s {way} of this machine: set it (NTP)", skew=f"{skew:.0f}", way=way),
            )
        else:
            yield Item(host.name, "clock", "ready", tr("within {skew} s of this machine", skew=f"{max(skew, 1):.0f}"))

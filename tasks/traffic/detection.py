"""The driver of a router that has none in the inventory: the first one, in order, that fits what the router is.

Each driver says by `Driver.fits` what it needs; this file holds their order alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from stopgap.orchestrator.facts import (
    Forwarding,
    Gateways,
    Guests,
    Interfaces,
    Links,
    Neighbours,
    Reader,
    Routes,
    System,
)
from stopgap.orchestrator.host import Address, Cli, DriverFound, Scene
from stopgap.orchestrator.task import Refused, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.cli import CLI_DRIVERS
from stopgap.tasks.traffic.driver import DeviceFacts, Driver
from stopgap.tasks.traffic.drivers import SHIPPED, drivers
from stopgap.tasks.traffic.flowspec import Flowspec
from stopgap.tasks.traffic.frr import Frr
from stopgap.tasks.traffic.guest.port import find
from stopgap.tasks.traffic.guestport import Guestport
from stopgap.tasks.traffic.iproute import Iproute
from stopgap.tasks.traffic.iptables import Iptables
from stopgap.tasks.traffic.listings import NFT
from stopgap.tasks.traffic.nftables import Nftables
from stopgap.tasks.traffic.openwrt import Openwrt
from stopgap.tasks.traffic.router import PROGRAMS, RouterFacts

ORDER: tuple[Driver, ...] = (
    *(*CLI_DRIVERS, Openwrt(), Guestport(), Frr(), Flowspec()),
    *(Nftables(), Iptables(), Iproute()),
)
"""The special before the general; a driver of a plug-in comes before all of these."""


def reads(addresses: tuple[Address, ...]) -> Mapping[str, Reader[Any]]:
    """Return the readers of RouterFacts, and of the router's guests, for a router in front of these addresses."""
    return {
        "system": System(PROGRAMS),
        "tables": NFT.asked("tables"),
        "links": Links(),
        "gateways": Gateways(),
        "interfaces": Interfaces(),
        "routes": Routes(addresses),
        "guest_ports": Guests(),
        "forwarding": Forwarding(),
        "neighbours": Neighbours(addresses),
    }


def driver_for(read: Mapping[str, Any], scene: Scene) -> DriverFound:
    """Return the first driver that fits the router. Raises Refused, with what to do, where none does."""
    of_router = {name: fact for name, fact in read.items() if name in RouterFacts.model_fields}
    router = RouterFacts.of(of_router | {"guest": _guest(read, scene)})
    own = tuple(driver for name, driver in drivers().items() if name not in SHIPPED)
    for driver in (*own, *ORDER):
        if why := driver.fits(router):
            return DriverFound(driver=driver.name, cli=driver.cli, why=why)
    raise Refused(
        tr(
            "nothing that drops packets was found on {host}: neither nft, nor iptables with ipset, nor "
            "ip, nor FRR, nor a command line that Stopgap knows; install nftables there, or name another "
            "router as `upstream`",
            host=scene.on.name,
        )
    )


def _guest(read: Mapping[str, Any], scene: Scene) -> str:
    """Return the name of the router's guest with the target's addresses; empty without one, or with several."""
    addresses = tuple(ip_network(address) for address in scene.target.known_addresses)
    facts = DeviceFacts.of({name: fact for name, fact in read.items() if name in DeviceFacts.model_fields})
    try:
        return find(addresses, scene.target, facts, (), scene.on.name).name
    except (Refused, Unplannable):
        return ""


def driver_for_cli(cli: Cli, seen: str) -> DriverFound:
    """Return the driver that speaks a device's command line."""
    return DriverFound(driver=cli, cli=cli, why=tr("its command line is {cli}: {seen}", cli=cli, seen=seen))

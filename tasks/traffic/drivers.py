"""All drivers, by the name that the inventory's `driver` uses: the shipped ones, and those of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from stopgap.orchestrator.plugins import classes, code, fail, guarded
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.blackhole import Blackhole
from stopgap.tasks.traffic.cli import CLI_DRIVERS
from stopgap.tasks.traffic.driver import Driver
from stopgap.tasks.traffic.flowspec import Flowspec
from stopgap.tasks.traffic.frr import Frr
from stopgap.tasks.traffic.guestport import Guestport
from stopgap.tasks.traffic.iproute import Iproute
from stopgap.tasks.traffic.iptables import Iptables
from stopgap.tasks.traffic.nftables import Nftables
from stopgap.tasks.traffic.openwrt import Openwrt
from stopgap.tasks.traffic.own_host import OwnHost
from stopgap.tasks.traffic.provider import Exec

LINUX: tuple[Driver, ...] = (Nftables(), Iptables(), Iproute(), Blackhole(), Openwrt())
BEYOND: tuple[Driver, ...] = (Guestport(), Frr(), Flowspec(), Exec())
SHIPPED: Mapping[str, Driver] = {d.name: d for d in (*LINUX, *BEYOND, *CLI_DRIVERS, OwnHost())}


@cache
def drivers() -> Mapping[str, Driver]:
    """Give every driver. A plug-in's driver whose name is taken is left out."""
    known = dict(SHIPPED)
    for plugin in code("drivers"):
        named = plugin.plugin
        with guarded("drivers", named.name, named.origin):
            for kind in classes(plugin.value, Driver):  # type: ignore[type-abstract]
                if kind.name in known:
                    fail("drivers", named.name, named.origin, tr("another driver is called {kind}", kind=kind.name))
                    continue
                kind.capabilities.describe()  # a driver without capabilities fails here, by name
                known[kind.name] = kind()
    return known


def driver_named(name: str | None) -> Driver | None:
    """Give the driver of a name; plug-ins are looked up for a name that no shipped driver has."""
    if name is None:
        return None
    return SHIPPED[name] if name in SHIPPED else drivers().get(name)


def needs_cli(driver: Driver) -> bool:
    """Tell whether the driver works on a device's own command line (`cli` in the inventory), and not by a shell."""
    return driver in CLI_DRIVERS or driver.cli is not None

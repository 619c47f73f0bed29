"""Drivers of routers and switches that are worked on over their own command line: one small class a vendor."""

from tasks.traffic.cli.eos import Eos
from tasks.traffic.cli.ios import Ios, IosNull0
from tasks.traffic.cli.junos import Junos
from tasks.traffic.cli.routeros import RouterOs
from tasks.traffic.cli.switchport import SwitchPort
from tasks.traffic.cli.vyos import Vyos
from tasks.traffic.driver import Driver

CLI_DRIVERS: tuple[Driver, ...] = (Vyos(), RouterOs(), Junos(), Eos(), Ios(), IosNull0(), SwitchPort())

__all__ = ["CLI_DRIVERS"]

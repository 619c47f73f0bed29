"""Drivers of routers and switches with a command line: one small class for each vendor."""

from stopgap.tasks.traffic.cli.eos import Eos
from stopgap.tasks.traffic.cli.ios import Ios, IosNull0
from stopgap.tasks.traffic.cli.junos import Junos
from stopgap.tasks.traffic.cli.routeros import RouterOs
from stopgap.tasks.traffic.cli.switchport import SwitchPort
from stopgap.tasks.traffic.cli.vyos import Vyos
from stopgap.tasks.traffic.driver import Driver

CLI_DRIVERS: tuple[Driver, ...] = (Vyos(), RouterOs(), Junos(), Eos(), Ios(), IosNull0(), SwitchPort())

__all__ = ["CLI_DRIVERS"]

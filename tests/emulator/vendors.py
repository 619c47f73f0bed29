"""The emulated devices by the names of their drivers."""

from __future__ import annotations

from .cisco import Eos, Ios
from .device import Device
from .junos import Junos
from .routeros import RouterOs
from .vyos import Vyos

VENDORS: dict[str, type[Device]] = {"vyos": Vyos, "routeros": RouterOs, "junos": Junos, "eos": Eos, "ios": Ios}

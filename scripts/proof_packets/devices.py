"""What each column of the table blocks with: a driver, the device it acts on, and how that is made ready."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_hosts.state import STATE

from proof_packets import container_host
from proof_packets.inside import lab, on
from proof_packets.open_vswitch import install, switch
from proof_packets.ways import ALLOWED, OPERATOR, SECOND, WEB
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.drivers import SHIPPED

RULES = """
ovs-ofctl --no-stats dump-flows br0 2>/dev/null; ovs-ofctl show br0 2>/dev/null | grep -A 1 '(web0)'
nft -s list ruleset; iptables-save; ip6tables-save; ipset save
ip -4 rule; ip -6 rule; ip -4 route; ip -6 route | sed 's/ expires [0-9]*sec//'
vtysh -c 'show running-config'
birdc -r show protocols | sed '1,2d; s/[0-9:.]\\{12\\}//'
find /run/stopgap* -type f ! -name claim 2>/dev/null
systemctl list-units --all --no-legend 'stopgap-*'
pgrep -af '[s]topgap-web'
find /etc -printf '%p %M %u %g %l\\n' | sort
find /etc -type f -print0 | sort -z | xargs -0 sha256sum
"""
"""Shows all that a block may leave on a device."""
CHANGING = re.compile(r"(?m)^#.*\n|\[\d+:\d+\]|(?<=timeout )\d+|initval \S+")
"""What counters, clocks and chance change."""
UNIT = """[Unit]
After=nftables.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/etc/router-before start
ExecStop=/etc/router-before stop
[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Device:
    """A column of the table."""

    name: str
    driver: str
    flavour: str = "nft"
    """Of the router's iptables commands."""
    switch: bool = False
    """The router's bridge is one of Open vSwitch, with its userspace datapath."""
    containers: bool = False
    """The router is a container host, with the hosts of the segment as containers; its driver is found out."""
    daily: bool = True
    """A test looks at it, too."""
    cloud: str = ""
    """What the stand-in of a cloud is: `stateful` or `stateless`; empty for a driver that works on the router."""

    @property
    def can(self) -> Capabilities:
        """What the driver says of itself; of a cloud, what its program says."""
        if self.cloud:
            return Capabilities(exception=True, established=self.cloud == "stateless", local=True)
        can = SHIPPED[self.driver].capabilities
        return can.model_copy(update={"persist": False}) if self.switch or self.containers else can

    @property
    def host(self) -> str:
        """The host of the lab that drops, and is rebooted; a provider's customer, where the provider drops."""
        return "edge" if self.can.trusted else "web"

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Give the router rules that were there before, and the provider what installs what it hears."""
        before = (Path(__file__).with_name("router_before")).read_text()
        kind = "openwrt" if self.driver == "openwrt" else "docker"
        alternatives = "; ".join(
            f"update-alternatives --quiet --set {f}tables /usr/sbin/{f}tables-{self.flavour}" for f in ("ip", "ip6")
        )
        on(
            "edge",
            f"cat >/etc/router-before && chmod 755 /etc/router-before && echo {kind} >/etc/router-before.kind && "
            f"echo '{UNIT}' >/etc/systemd/system/router-before.service && {alternatives} && "
            "systemctl daemon-reload && systemctl --quiet enable --now router-before",
            before,
        )
        if self.driver == "flowspec":
            on("isp", "systemctl start flowspec")
        if self.switch:
            install()
            switch()
        if self.containers:
            container_host.install()
            container_host.move_in()
        try:
            yield
        finally:
            if self.containers:
                container_host.move_out()
                container_host.remove()
            if self.driver == "flowspec":
                on("isp", "systemctl stop flowspec")
            on(
                "edge",
                "systemctl --quiet disable --now router-before; cd /etc && rm router-before router-before.kind "
                "systemd/system/router-before.service && systemctl daemon-reload",
            )
            if self.switch or self.containers:
                lab("reboot", "edge")

    def reboot(self) -> None:
        """Boot the device that drops afresh, and make ready again what that has taken."""
        if self.containers:
            container_host.move_out()
        lab("reboot", self.host)
        if self.switch:
            switch()
        if self.containers:
            container_host.move_in()

    @property
    def moved(self) -> tuple[str, ...]:
        """The lab's hosts that have another network than the lab's own."""
        return container_host.MOVED if self.containers else ()

    @property
    def port(self) -> str:
        """The device on the router that is the port of `web`."""
        return container_host.PORT if self.containers else "web0"

    def disturb(self) -> None:
        """Have what was there before be made anew beside a block, as `fw4 reload` does."""
        if self.driver == "openwrt":
            on("edge", "/etc/router-before start")

    def state(self) -> str:
        """Give all rules, routes and files of the device that drops, in a form that only a change changes."""
        return CHANGING.sub("", on(self.host, RULES, check=False))

    def inventory(self, folder: Path, addresses: Sequence[str] = ()) -> Path:
        """Write the lab's inventory as this driver needs it; `addresses` are those that it tells of the host."""
        known = list(addresses or (WEB.ipv4, WEB.ipv6, SECOND.ipv4, SECOND.ipv6))
        web: dict[str, Any] = {"address": WEB.ipv4, "addresses": known}
        web |= {"guest": self.port} if self.can.by_port and not self.containers else {}
        web |= {"upstream": "edge", "spare": "spare"} if self.host == "edge" else {"driver": self.driver}
        edge = {"address": "10.9.0.1", "may_block": ["203.0.113.0/24", "2001:db8:113::/64"]}
        hosts = {
            "web": web,
            "edge": edge | self._how(),
            "spare": {"address": "203.0.113.20", "addresses": ["203.0.113.20", "2001:db8:113::20"]},
            "neighbour": {"address": "203.0.113.30", "addresses": ["203.0.113.30", "2001:db8:113::30"]},
            "isp": {"address": "192.0.2.1", "vantage": "outside"},
        }
        keys = {"known_hosts": str(STATE / "known_hosts"), "identity": str(STATE / "id_ed25519")}
        path = folder / f"inventory-{len(known)}.json"
        path.write_text(json.dumps({"defaults": {"user": "root"} | keys, "hosts": hosts}))
        return path

    def _how(self) -> dict[str, Any]:
        """Give what the inventory says of the router beside its address."""
        if self.cloud:
            program = [sys.executable, str(Path(__file__).with_name("cloud_stand_in.py")), self.cloud]
            return {"address": "cloud.example", "connection": "exec", "exec": program}
        return {"driver": self.driver} if self.host == "edge" and not self.containers else {}

    def runbook(self, folder: Path, expires: str, *, persist: bool) -> Path:
        """Write a runbook of one step that asks for what the driver can do, and perhaps to persist."""
        wanted: dict[str, Any] = {"expires": expires}
        others = [ALLOWED.ipv4, ALLOWED.ipv6, OPERATOR.ipv6]  # who comes over IPv4 is known by that address alone
        others += [OPERATOR.ipv4] if self.cloud else []  # a program is asked before anybody's address is known
        wanted |= {"allow": others} if self.can.exception else {}
        wanted |= {"persist": True} if persist else {}
        step = {"id": "cut-off", "task": "traffic.block", "with": wanted}
        step |= {"on": "target"} if self.host == "web" else {}
        path = folder / "block.json"
        path.write_text(json.dumps({"name": "Block", "steps": [step]}))
        return path


DEVICES = (
    Device("nftables", "nftables"),
    Device("openwrt", "openwrt"),
    Device("iptables", "iptables"),
    Device("legacy", "iptables", "legacy"),
    Device("guestport", "guestport"),
    Device("openvswitch", "guestport", switch=True, daily=False),
    Device("podman", "guestport", containers=True, daily=False),
    Device("stateful", "exec", cloud="stateful"),
    Device("stateless", "exec", cloud="stateless"),
    Device("iproute", "iproute"),
    Device("blackhole", "blackhole"),
    Device("frr", "frr"),
    Device("flowspec", "flowspec"),
    Device("host", "host"),
)

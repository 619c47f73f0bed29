"""A cloud's firewall in the lab, for `driver: exec`: rules on the router in front of the host, with real packets.

`cloud_stand_in.py stateful` accepts whatever belongs to a known connection first, as security groups do; `stateless`
looks at each packet. The router is the namespace of the lab's host `edge`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "drivers"))

from stopgap_driver import Provider, RefusedError, Snapshot, UnreachedError, serve

EDGE = ("nsenter", "--net=/run/netns/stopgap-edge", "--")
OPEN: Snapshot = {"group": "default"}


class Cloud(Provider):
    """The groups of one host."""

    def __init__(self, request: dict[str, Any], arguments: list[str]) -> None:
        super().__init__(request, arguments)
        if arguments not in (["stateful"], ["stateless"]):
            raise RefusedError("usage: cloud_stand_in.py stateful|stateless")
        self.stateful = arguments == ["stateful"]

    def probe(self) -> dict[str, Any]:
        """Name the host's interface."""
        can = {"established": not self.stateful, "exception": True}
        ids = [{"id": "port-of-web", "addresses": self.target["addresses"]}]
        return {"driver": f"{self.arguments[0]}-cloud", "version": "1", "capabilities": can, "ids": ids}

    def read(self) -> Snapshot:
        """Give what the router's table holds."""
        done = subprocess.run([*EDGE, "nft", "-j", "list", "table", "inet", "cloud"], capture_output=True, text=True)
        if "No such file" in done.stderr:
            return OPEN
        if done.returncode:
            raise UnreachedError(done.stderr)
        sets = {each["set"]["name"]: each["set"] for each in json.loads(done.stdout)["nftables"] if "set" in each}
        found = {name: [_text(member) for member in each.get("elem", [])] for name, each in sets.items()}
        return _shut([*found["web4"], *found["web6"]], [*found["allowed4"], *found["allowed6"]])

    def wanted(self, before: Snapshot) -> Snapshot:
        """Shut the group, but for the allowed networks."""
        return _shut(self.block["addresses"], self.block["allowed"])

    def write(self, snapshot: Snapshot) -> None:
        """Load the table, or take it away."""
        lines = ["add table inet cloud", "delete table inet cloud"]
        if snapshot != OPEN:
            lines += ["table inet cloud {"]
            for name, key in (("web", "addresses"), ("allowed", "allowed")):
                for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
                    of = [network for network in snapshot[key] if ip_network(network).version == version]
                    elements = f" elements = {{ {', '.join(of)} }};" if of else ""
                    lines += [f"set {name}{version} {{ type {kind}; flags interval;{elements} }}"]
            for hook in ("forward", "input", "output"):
                lines += [f"chain {hook} {{ type filter hook {hook} priority filter - 5;"]
                lines += ["ct state established,related accept;"] if self.stateful else []
                lines += ["icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;"]
                for ip, v in (("ip", 4), ("ip6", 6)):
                    lines += [f"{ip} saddr @allowed{v} {ip} daddr @web{v} accept;"]
                    lines += [f"{ip} saddr @web{v} {ip} daddr @allowed{v} accept;"]
                    lines += [f"{ip} saddr @web{v} drop; {ip} daddr @web{v} drop;"]
                lines += ["}"]
            lines += ["}"]
        done = subprocess.run([*EDGE, "nft", "-f", "-"], input="\n".join(lines), capture_output=True, text=True)
        if done.returncode:
            raise RefusedError(done.stderr)


def _shut(addresses: list[str], allowed: list[str]) -> Snapshot:
    plain = [sorted(str(ip_network(each)) for each in networks) for networks in (addresses, allowed)]
    return {"group": "quarantine", "addresses": plain[0], "allowed": plain[1]}


def _text(member: Any) -> str:  # noqa: ANN401
    return member if isinstance(member, str) else f"{member['prefix']['addr']}/{member['prefix']['len']}"


if __name__ == "__main__":
    serve(Cloud)

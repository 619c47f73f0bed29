#!/usr/bin/env python3
"""Blocks a dedicated server of Hetzner's by its stateless firewall (Robot webservice), for `driver: exec` of Stopgap.

    hetzner_robot.py

The firewall drops flows from before, too, takes up to half a minute, and knows ten rules each way. Packets from
`allow` come in, and their answers go out: TCP segments with the ACK flag. The server is the target's first IPv4
address, or its `guest`. ROBOT_USER and ROBOT_PASSWORD are needed in `env`. Tried against a stand-in, never against
the real service.
"""

from __future__ import annotations

import base64
import os
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

from stopgap_driver import Provider, RefusedError, Said, Snapshot, call, serve

MOST = 10
"""Rules of one direction."""
_KEPT = ("ip_version", "dst_ip", "src_ip", "dst_port", "src_port", "protocol", "tcp_flags", "action", "name")


class Robot(Provider):
    """The firewall of one dedicated server."""

    def __init__(self, request: dict[str, Any], arguments: list[str]) -> None:
        super().__init__(request, arguments)
        if arguments:
            raise RefusedError("usage: hetzner_robot.py")
        if not {"ROBOT_USER", "ROBOT_PASSWORD"} <= set(os.environ):
            raise RefusedError("ROBOT_USER and ROBOT_PASSWORD are not set: list them in the inventory's `env`")
        words = f"{os.environ['ROBOT_USER']}:{os.environ['ROBOT_PASSWORD']}".encode()
        self.headers = {"Authorization": f"Basic {base64.b64encode(words).decode()}"}
        self.api = os.environ.get("ROBOT_ENDPOINT", "https://robot-ws.your-server.de").rstrip("/")
        fours = [address for address in self.target["addresses"] if ":" not in address]
        self.server = self.target["guest"] or (fours[0] if fours else "")
        if not self.server:
            raise RefusedError("a dedicated server is known by its IPv4 address, or by its number in `guest`")

    def probe(self) -> dict[str, Any]:
        """Name the server's firewall."""
        ip = self._firewall()["server_ip"]
        can = {"established": True, "exception": True, "answers_alone": True}
        ids = [{"id": f"firewall of {ip}", "addresses": [*{ip, *self.target["addresses"]}]}]
        return {"driver": "hetzner-robot", "version": "1", "capabilities": can, "ids": ids}

    def read(self) -> Snapshot:
        """Give the firewall without what the service itself adds."""
        found = self._firewall()
        rules = {way: [_plain(rule) for rule in found["rules"].get(way, [])] for way in ("input", "output")}
        active = found["status"] in {"active", "in process"}
        return {
            "active": active,
            "filter_ipv6": found["filter_ipv6"],
            "whitelist": found["whitelist_hos"],
            "rules": rules,
        }

    def pending(self) -> bool:
        """Tell whether the firewall is being set."""
        return bool(self._firewall()["status"] == "in process")

    def wanted(self, before: Snapshot) -> Snapshot:
        """Let the allowed in, and TCP answers out to them; all else is dropped by the end of the list."""
        allowed = [ip_network(network) for network in self.block["allowed"]]
        if len(allowed) > MOST:
            raise RefusedError(f"the firewall knows {MOST} rules each way, and {len(allowed)} networks are allowed")
        both = [(f"ipv{n.version}", str(n)) for n in allowed]
        come = [_plain({"ip_version": v, "src_ip": n, "action": "accept", "name": "stopgap"}) for v, n in both]
        answer = {"protocol": "tcp", "tcp_flags": "ack", "action": "accept", "name": "stopgap"}
        go = [_plain({"ip_version": v, "dst_ip": n, **answer}) for v, n in both]
        nobody = [_plain({"ip_version": "ipv4", "action": "discard", "name": "stopgap"})]
        rules = {"input": come or nobody, "output": go or nobody}
        return {"active": True, "filter_ipv6": True, "whitelist": False, "rules": rules}

    def write(self, snapshot: Snapshot) -> None:
        """Send the whole firewall in one request."""
        fields = {
            "status": "active" if snapshot["active"] else "disabled",
            "filter_ipv6": str(snapshot["filter_ipv6"]).lower(),
            "whitelist_hos": str(snapshot["whitelist"]).lower(),
        }
        for way, rules in snapshot["rules"].items():
            for number, rule in enumerate(rules):
                fields |= {
                    f"rules[{way}][{number}][{key}]": value for key, value in rule.items() if value is not None
                }
        call("POST", f"{self.api}/firewall/{self.server}", self.headers, form=urlencode(fields).encode())

    def say(self, before: Snapshot, wanted: Snapshot) -> Said:
        """Name what the firewall takes."""
        diff, gaps, notes = super().say(before, wanted)
        return diff, gaps, [*notes, "the firewall takes up to half a minute; Hetzner's own services are cut off, too"]

    def _firewall(self) -> dict[str, Any]:
        return dict(call("GET", f"{self.api}/firewall/{self.server}", self.headers)["firewall"])


def _plain(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: rule.get(key) for key in _KEPT}


if __name__ == "__main__":
    serve(Robot)

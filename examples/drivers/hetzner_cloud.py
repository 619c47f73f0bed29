#!/usr/bin/env python3
"""Blocks a server of Hetzner Cloud by one firewall in place of all others, for `driver: exec` of Stopgap.

    hetzner_cloud.py FIREWALL      name of a firewall that you have made, with a rule for `out` (see below)

A firewall without a rule for `out` lets everything out, and one without a rule for `in` lets nothing in. So the
firewall needs one rule for `out`, to addresses in `allow`, and rules for `in` from addresses in `allow` alone. The
server is the target's `guest` (its number), or else who has the target's addresses. HCLOUD_TOKEN is needed in `env`.
The firewalls are stateful. Tried against a stand-in that answers as documented, never against the real cloud.
"""

from __future__ import annotations

import os
from ipaddress import ip_address, ip_network
from typing import Any

from stopgap_driver import PartlyError, Provider, RefusedError, Said, Snapshot, call, serve


class HetznerCloud(Provider):
    """The firewalls of one server."""

    def __init__(self, request: dict[str, Any], arguments: list[str]) -> None:
        super().__init__(request, arguments)
        if len(arguments) != 1:
            raise RefusedError("usage: hetzner_cloud.py FIREWALL")
        if "HCLOUD_TOKEN" not in os.environ:
            raise RefusedError("HCLOUD_TOKEN is not set: list it in the inventory's `env`")
        self.api = os.environ.get("HCLOUD_ENDPOINT", "https://api.hetzner.cloud/v1").rstrip("/")
        self.headers = {"Authorization": f"Bearer {os.environ['HCLOUD_TOKEN']}"}
        self.server = self._find()

    def probe(self) -> dict[str, Any]:
        """Name the server, with all its addresses."""
        server = self.server
        if server is None:
            return {"driver": "hetzner-cloud", "version": "1", "ids": []}
        addresses = [each["ip"].partition("/")[0] for each in _public(server)]
        addresses += [each["ip"] for each in server["private_net"]]
        addresses = [str(ip_address(a) + 1) if a.endswith("::") else a for a in addresses]
        quarantine = self._quarantine()
        exception = all(
            any(ip_network(n).subnet_of(ip_network(a)) for n in _sources(quarantine)) for a in self._allowed()
        )
        can = {"established": False, "exception": exception}
        ids = [{"id": str(server["id"]), "owner": server["name"], "addresses": addresses}]
        return {"driver": "hetzner-cloud", "version": "1", "capabilities": can, "ids": ids}

    def read(self) -> Snapshot:
        """Give the firewalls of the server."""
        server = self._find()
        return {"firewalls": sorted(each["id"] for each in _firewalls(server)) if server else []}

    def pending(self) -> bool:
        """Tell whether a firewall is not in force on the server yet."""
        server = self._find()
        return any(each["status"] == "pending" for each in _firewalls(server)) if server else False

    def wanted(self, before: Snapshot) -> Snapshot:
        """Leave the server the one firewall alone."""
        quarantine = self._quarantine()
        if not any(rule["direction"] == "out" for rule in quarantine["rules"]):
            raise RefusedError(f"{quarantine['name']} has no rule for `out`, and so lets everything out")
        allowed = [ip_network(network) for network in self._allowed()]
        for network in _sources(quarantine):
            if not any(n.version == (s := ip_network(network)).version and s.subnet_of(n) for n in allowed):
                raise RefusedError(f"{quarantine['name']} lets {network} in, which is not in `allow`")
        for firewall in before["firewalls"]:
            by_label = self._firewall(firewall)["applied_to"]
            if firewall != quarantine["id"] and any(each["type"] == "label_selector" for each in by_label):
                raise RefusedError(
                    f"the firewall {firewall} comes by a label selector: take the label off the server"
                )
        return {"firewalls": [quarantine["id"]]}

    def write(self, snapshot: Snapshot) -> None:
        """Apply what is missing first, then remove the rest: in between more is shut, not less."""
        server = self.server
        if server is None:
            raise RefusedError("there is no such server")
        now, aim = set(self.read()["firewalls"]), set(snapshot["firewalls"])
        resource = {"type": "server", "server": {"id": server["id"]}}
        steps = [(f, "apply_to_resources", {"apply_to": [resource]}) for f in sorted(aim - now)]
        steps += [(f, "remove_from_resources", {"remove_from": [resource]}) for f in sorted(now - aim)]
        for done, (firewall, action, body) in enumerate(steps):
            try:
                call("POST", f"{self.api}/firewalls/{firewall}/actions/{action}", self.headers, body)
            except Exception as error:
                if done:
                    raise PartlyError(f"{done} of {len(steps)} firewalls are changed, and then: {error}") from error
                raise

    def say(self, before: Snapshot, wanted: Snapshot) -> Said:
        """Name what no firewall of Hetzner's filters."""
        diff, gaps, notes = super().say(before, wanted)
        if self.server and self.server["private_net"]:
            gaps.append({"text": "private networks pass the firewalls of Hetzner Cloud by", "at_best": "partly"})
        return diff, gaps, notes

    def _find(self) -> dict[str, Any] | None:
        if self.target["guest"]:
            found: dict[str, Any] = call("GET", f"{self.api}/servers/{self.target['guest']}", self.headers)["server"]
            return found
        page: int | None = 1
        wanted = [ip_address(address) for address in self.target["addresses"]]
        while page:
            answer = call("GET", f"{self.api}/servers?per_page=50&page={page}", self.headers)
            for server in answer["servers"]:
                nets = [ip_network(each["ip"], strict=False) for each in _public(server)]
                if any(a.version == net.version and a in net for a in wanted for net in nets):
                    return dict(server)
            page = answer["meta"]["pagination"]["next_page"]
        return None

    def _quarantine(self) -> dict[str, Any]:
        found = call("GET", f"{self.api}/firewalls?name={self.arguments[0]}", self.headers)["firewalls"]
        if len(found) != 1:
            raise RefusedError(f"there is no firewall {self.arguments[0]}")
        return dict(found[0])

    def _firewall(self, number: int) -> dict[str, Any]:
        return dict(call("GET", f"{self.api}/firewalls/{number}", self.headers)["firewall"])

    def _allowed(self) -> list[str]:
        return list(self.block["allowed"])


def _public(server: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in (server["public_net"]["ipv4"], server["public_net"]["ipv6"]) if each]


def _firewalls(server: dict[str, Any]) -> list[dict[str, Any]]:
    return list(server["public_net"]["firewalls"])


def _sources(firewall: dict[str, Any]) -> list[str]:
    return [ip for rule in firewall["rules"] if rule["direction"] == "in" for ip in rule["source_ips"]]


if __name__ == "__main__":
    serve(HetznerCloud)

#!/usr/bin/env python3
"""Blocks a server of OpenStack at its ports (Neutron v2.0, Keystone v3), for `driver: exec` of Stopgap.

    openstack_port.py                 takes the ports down: everything is cut, and nobody is spared
    openstack_port.py --group NAME    gives the ports this security group alone, which has to exist, and to be empty

The server is the target's `guest` (its UUID), or else whose ports have the target's addresses. From the environment:
OS_AUTH_URL, and OS_APPLICATION_CREDENTIAL_ID with OS_APPLICATION_CREDENTIAL_SECRET, or OS_USERNAME, OS_PASSWORD,
OS_PROJECT_NAME, OS_USER_DOMAIN_NAME, OS_PROJECT_DOMAIN_NAME. Tried against a stand-in, never against a real cloud.
"""

from __future__ import annotations

import os
from typing import Any

from stopgap_driver import PartlyError, Provider, RefusedError, Said, Snapshot, call, call_with_headers, serve


class OpenStack(Provider):
    """The ports of one server."""

    def __init__(self, request: dict[str, Any], arguments: list[str]) -> None:
        super().__init__(request, arguments)
        self.group = arguments[1] if arguments[:1] == ["--group"] and len(arguments) == 2 else ""
        if arguments and not self.group:
            raise RefusedError("usage: openstack_port.py [--group NAME]")
        self.headers, self.network = _log_in()
        self.ports = self._ports()

    def probe(self) -> dict[str, Any]:
        """Name every port of the server, with all its addresses."""
        ids = [
            {
                "id": port["id"],
                "owner": port["device_id"],
                "addresses": [ip["ip_address"] for ip in port["fixed_ips"]],
            }
            for port in self.ports
        ]
        can = {"established": not self.group, "by_port": not self.group}
        return {"driver": "openstack", "version": "1", "capabilities": can, "ids": ids}

    def read(self) -> Snapshot:
        """Give state and groups of each port."""
        return {
            port["id"]: {"up": port["admin_state_up"], "groups": sorted(port["security_groups"])}
            for port in self._ports()
        }

    def wanted(self, before: Snapshot) -> Snapshot:
        """Take the ports down, or leave them the empty group alone."""
        if not self.group:
            return {port: {**state, "up": False} for port, state in before.items()}
        return {port: {**state, "groups": [self._empty_group()]} for port, state in before.items()}

    def write(self, snapshot: Snapshot) -> None:
        """Set each port that is otherwise."""
        now, changed = self.read(), 0
        for port, state in snapshot.items():
            if now.get(port) == state:
                continue
            body = {"port": {"admin_state_up": state["up"], "security_groups": state["groups"]}}
            try:
                call("PUT", f"{self.network}/v2.0/ports/{port}", self.headers, body)
            except Exception as error:
                if changed:
                    raise PartlyError(f"{changed} ports are changed, and then: {error}") from error
                raise
            changed += 1

    def say(self, before: Snapshot, wanted: Snapshot) -> Said:
        """Name the ports that the agents do not guard."""
        diff, gaps, notes = super().say(before, wanted)
        open_ones = [port["id"] for port in self.ports if self.group and not port.get("port_security_enabled", True)]
        if open_ones:
            gaps.append(
                {"text": f"no group applies to {', '.join(open_ones)}: port security is off", "at_best": "partly"}
            )
        return diff, gaps, notes

    def _ports(self) -> list[dict[str, Any]]:
        if self.target["guest"]:
            query = f"device_id={self.target['guest']}"
        else:
            query = "&".join(f"fixed_ips=ip_address%3D{address}" for address in self.target["addresses"])
        found: list[dict[str, Any]] = call("GET", f"{self.network}/v2.0/ports?{query}", self.headers)["ports"]
        servers = {port["device_id"] for port in found}
        if len(servers) > 1:
            raise RefusedError(f"the addresses are of several servers: {', '.join(sorted(servers))}; set `guest`")
        if found and not self.target["guest"]:
            found = call("GET", f"{self.network}/v2.0/ports?device_id={servers.pop()}", self.headers)["ports"]
        return sorted(found, key=lambda port: str(port["id"]))

    def _empty_group(self) -> str:
        groups = call("GET", f"{self.network}/v2.0/security-groups?name={self.group}", self.headers)[
            "security_groups"
        ]
        if len(groups) != 1:
            raise RefusedError(f"{len(groups)} security groups are called {self.group}: make one without any rule")
        if groups[0]["security_group_rules"]:
            raise RefusedError(f"the group {self.group} has rules: delete them all, those for egress, too")
        return str(groups[0]["id"])


def _log_in() -> tuple[dict[str, str], str]:
    """Return the headers of a session, and the address of the network service."""
    given = os.environ
    if "OS_AUTH_URL" not in given:
        raise RefusedError("OS_AUTH_URL is not set: list it in the inventory's `env`")
    auth: dict[str, Any]
    if "OS_APPLICATION_CREDENTIAL_ID" in given:
        credential = {
            "id": given["OS_APPLICATION_CREDENTIAL_ID"],
            "secret": given.get("OS_APPLICATION_CREDENTIAL_SECRET", ""),
        }
        auth = {"identity": {"methods": ["application_credential"], "application_credential": credential}}
    else:
        user = {
            "name": given.get("OS_USERNAME", ""),
            "password": given.get("OS_PASSWORD", ""),
            "domain": {"name": given.get("OS_USER_DOMAIN_NAME", "Default")},
        }
        domain = {"name": given.get("OS_PROJECT_DOMAIN_NAME", "Default")}
        auth = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": given.get("OS_PROJECT_NAME", ""), "domain": domain}},
        }
    url = given["OS_AUTH_URL"].rstrip("/").removesuffix("/v3")
    answer, headers = call_with_headers("POST", f"{url}/v3/auth/tokens", {}, {"auth": auth})
    region = given.get("OS_REGION_NAME")
    for service in answer["token"]["catalog"]:
        for endpoint in service["endpoints"] if service["type"] == "network" else ():
            if endpoint["interface"] == "public" and region in {None, endpoint.get("region")}:
                return {"X-Auth-Token": headers["x-subject-token"]}, endpoint["url"].rstrip("/").removesuffix("/v2.0")
    raise RefusedError("the catalogue has no public network service in the region")


if __name__ == "__main__":
    serve(OpenStack)

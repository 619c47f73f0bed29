"""Small clouds on loopback that answer as their documentation says: Neutron with Keystone, Hetzner Cloud, Robot."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

Answer = tuple[int, dict[str, Any], dict[str, str]]
IPV4, IPV6 = "203.0.113.10", "2001:db8:113::1"


class Cloud:
    """A cloud that answers requests; `url` is where it listens."""

    url = ""

    def answer(self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> Answer:
        raise NotImplementedError


class OpenStack(Cloud):
    """Keystone v3 and Neutron v2.0: a server with two ports, and another server."""

    def __init__(self) -> None:
        known = (("p1", "server-1", IPV4), ("p2", "server-1", "10.0.0.5"), ("p3", "server-2", "203.0.113.99"))
        self.ports = {
            name: {
                "id": name, "device_id": device, "admin_state_up": True, "security_groups": ["default-group"],
                "fixed_ips": [{"ip_address": address, "subnet_id": "s"}], "port_security_enabled": True,
            }
            for name, device, address in known
        }  # fmt: skip
        self.groups: dict[str, list[object]] = {"quarantine": [], "leaky": [{"direction": "egress"}]}

    def answer(self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> Answer:
        if (method, path) == ("POST", "/identity/v3/auth/tokens"):
            user = json.loads(body)["auth"]["identity"]["password"]["user"]
            if user["password"] != "correct horse":
                return 401, {"error": {"code": 401, "title": "Unauthorized"}}, {}
            endpoint = {"interface": "public", "region": "r1", "url": f"{self.url}/network"}
            catalogue = [{"type": "network", "endpoints": [endpoint]}]
            return 201, {"token": {"catalog": catalogue}}, {"X-Subject-Token": "a-token"}
        if headers["X-Auth-Token"] != "a-token":
            return 401, {}, {}
        if (method, path) == ("GET", "/network/v2.0/ports"):
            devices, addresses = query.get("device_id", []), query.get("fixed_ips", [])
            known = [each.removeprefix("ip_address=") for each in addresses]
            found = [
                p for p in self.ports.values()
                if p["device_id"] in devices or p["fixed_ips"][0]["ip_address"] in known  # type: ignore[index]
            ]  # fmt: skip
            return 200, {"ports": found}, {}
        if method == "PUT" and (found_port := self.ports.get(path.removeprefix("/network/v2.0/ports/"))):
            found_port.update(json.loads(body)["port"])
            return 200, {"port": found_port}, {}
        if (method, path) == ("GET", "/network/v2.0/security-groups"):
            names = [name for name in query["name"] if name in self.groups]
            groups = [
                {"id": f"id-of-{name}", "name": name, "security_group_rules": self.groups[name]} for name in names
            ]
            return 200, {"security_groups": groups}, {}
        return 404, {}, {}


class HetznerCloud(Cloud):
    """The interface of api.hetzner.cloud: one server, with a firewall of its own."""

    def __init__(self) -> None:
        out = {"direction": "out", "protocol": "tcp", "port": "1", "destination_ips": ["198.51.100.7/32"]}
        come = {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["198.51.100.7/32"]}
        self.firewalls = {
            1: {"id": 1, "name": "shop", "rules": [], "applied_to": []},
            2: {"id": 2, "name": "quarantine", "rules": [come, out], "applied_to": []},
            3: {"id": 3, "name": "leaky", "rules": [come], "applied_to": []},
        }
        self.applied = {1: "applied"}
        self.private: list[dict[str, str]] = []

    @property
    def server(self) -> dict[str, Any]:
        firewalls = [{"id": number, "status": status} for number, status in sorted(self.applied.items())]
        net = {"ipv4": {"ip": IPV4}, "ipv6": {"ip": "2001:db8:113::/64"}, "firewalls": firewalls}
        return {"id": 42, "name": "web", "public_net": net, "private_net": self.private}

    def looked(self) -> dict[str, Any]:
        """Give the server; what was pending is in force at the next look."""
        seen = self.server
        self.applied = dict.fromkeys(self.applied, "applied")
        return seen

    def answer(self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> Answer:
        if headers["Authorization"] != "Bearer correct-horse":
            return 401, {"error": {"code": "unauthorized", "message": "unable to authenticate"}}, {}
        if method == "GET" and path == "/v1/servers":
            return 200, {"servers": [self.looked()], "meta": {"pagination": {"next_page": None}}}, {}
        if method == "GET" and path == "/v1/servers/42":
            return 200, {"server": self.looked()}, {}
        if method == "GET" and path == "/v1/firewalls":
            return 200, {"firewalls": [f for f in self.firewalls.values() if f["name"] in query["name"]]}, {}
        if method == "GET" and (found := re.fullmatch(r"/v1/firewalls/(\d+)", path)):
            return 200, {"firewall": self.firewalls[int(found[1])]}, {}
        if found := re.fullmatch(r"/v1/firewalls/(\d+)/actions/(apply_to|remove_from)_resources", path):
            assert json.loads(body)[found[2]] == [{"type": "server", "server": {"id": 42}}]
            if found[2] == "apply_to":
                self.applied[int(found[1])] = "pending"
            else:
                del self.applied[int(found[1])]
            return 201, {"actions": [{"id": 13, "status": "running"}]}, {}
        return 404, {"error": {"code": "not_found", "message": path}}, {}


class Robot(Cloud):
    """The firewall of Robot's webservice; a change is `in process` for one look."""

    def __init__(self) -> None:
        everything = {"ip_version": "ipv4", "name": "all", "action": "accept"}
        self.firewall: dict[str, Any] = {
            "server_ip": IPV4, "server_number": 321, "status": "active", "filter_ipv6": False, "whitelist_hos": True,
            "port": "main", "rules": {"input": [self.whole(everything)], "output": [self.whole(everything)]},
        }  # fmt: skip

    @staticmethod
    def whole(rule: dict[str, Any]) -> dict[str, Any]:
        keys = ("ip_version", "name", "dst_ip", "src_ip", "dst_port", "src_port", "protocol", "tcp_flags", "action")
        return {key: rule.get(key) for key in keys}

    def answer(self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> Answer:
        if base64.b64decode(headers["Authorization"].removeprefix("Basic ")) != b"web+user:correct horse":
            return 401, {"error": {"status": 401, "code": "UNAUTHORIZED"}}, {}
        if path != f"/firewall/{IPV4}":
            return 404, {"error": {"status": 404, "code": "SERVER_NOT_FOUND"}}, {}
        if method == "POST":
            fields = dict(parse_qsl(body.decode()))
            rules: dict[str, dict[int, dict[str, Any]]] = {"input": {}, "output": {}}
            for key, value in fields.items():
                if found := re.fullmatch(r"rules\[(input|output)\]\[(\d+)\]\[(\w+)\]", unquote(key)):
                    rules[found[1]].setdefault(int(found[2]), {})[found[3]] = value
            self.firewall |= {
                "status": "in process", "filter_ipv6": fields["filter_ipv6"] == "true",
                "whitelist_hos": fields["whitelist_hos"] == "true",
                "rules": {way: [self.whole(rule) for _, rule in sorted(of.items())] for way, of in rules.items()},
            }  # fmt: skip
            return 202, {"firewall": self.firewall}, {}
        seen = dict(self.firewall)
        self.firewall["status"] = "active"
        return 200, {"firewall": seen}, {}


@contextmanager
def listening(cloud: Cloud) -> Iterator[str]:
    """Serve the cloud on loopback; give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer, headers = cloud.answer(
                self.command, split.path, parse_qs(split.query), self.headers, body
            )
            data = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield cloud.url
        finally:
            server.shutdown()
            thread.join()

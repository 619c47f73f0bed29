"""Emulated devices as hosts of an inventory, worked on by the real command line over real SSH."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ..unit.bench import Bench
from .device import Device
from .server import Server

WEB = ["203.0.113.10", "2001:db8:113::10"]


def new_key(path: Path) -> paramiko.PKey:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return paramiko.Ed25519Key.from_private_key_file(str(path))


@dataclass
class DeviceBench:
    """`edge` is an emulated device, and the upstream of `web`, which no test logs in to."""

    bench: Bench
    servers: list[Server] = field(default_factory=list)

    @property
    def top(self) -> Path:
        return self.bench.top

    def serve(self, device: Device, *, pinned: bool = True, **edge: Any) -> Server:
        """Start a device as `edge`; `edge` holds what the inventory says of it beside its address."""
        operator = new_key(self.top / "operator")
        own = new_key(self.top / "device")
        server = Server(device, own, operator.asbytes())
        self.servers.append(server)
        known = own if pinned else new_key(self.top / "another")
        line = f"[127.0.0.1]:{server.port} {known.get_name()} {base64.b64encode(known.asbytes()).decode()}\n"
        (self.top / "known_hosts").write_text(line)
        web = {"address": "203.0.113.10", "addresses": WEB, "upstream": "edge", "connection": "local"}
        web |= {"switchport": edge.pop("switchport")} if "switchport" in edge else {}
        host: dict[str, Any] = {"address": "127.0.0.1", "port": server.port, "user": "admin"}
        host |= {"may_block": ["203.0.113.0/24", "2001:db8:113::/64"]}
        self.bench.inventory.write_text(
            json.dumps(
                {
                    "defaults": {"known_hosts": "./known_hosts", "identity": "./operator"},
                    "hosts": {"web": web, "edge": {**host, **edge}},
                }
            )
        )
        return server

    def block(self, *words: str, **params: Any) -> tuple[int, list[dict[str, Any]]]:
        """Run a block of web, with --json."""
        step = {"id": "block", "task": "traffic.block", "with": {"allow": ["198.51.100.9"], **params}}
        return self.bench.run(self.bench.runbook(step), *words, target="web")

    def close(self) -> None:
        for server in self.servers:
            server.close()

    def undo(self, run: str = "last") -> int:
        """Undo a run; give the exit status."""
        return self.bench.stopgap("undo", run, "--yes")[0]

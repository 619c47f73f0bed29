"""Whether the hosts answer, as seen by those who use them: from `operator` and from `internet`."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .namespaces import entered, exists
from .topology import BY_NAME, HOSTS, Node


@dataclass(frozen=True)
class Service:
    """A port, what a client says first, and how a sound answer begins."""

    name: str
    port: int
    says: bytes
    answer: bytes


SSH = Service("ssh", 22, b"", b"SSH-2.0-")
HTTP = Service("http", 80, b"HEAD / HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 ")
SMTP = Service("smtp", 25, b"", b"220 ")


@dataclass(frozen=True)
class Probe:
    vantage: Node
    host: Node
    address: str
    service: Service

    def succeeds(self, patience: float) -> bool:
        """One try, from the vantage's namespace; `patience` in seconds."""
        if not exists(self.vantage):
            return False
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with entered(self.vantage):
            client = socket.socket(family, socket.SOCK_STREAM)
        with client:
            client.settimeout(patience)
            try:
                client.connect((self.address, self.service.port))
                client.sendall(self.service.says)
                return client.recv(64).startswith(self.service.answer)
            except OSError:
                return False


def _probes() -> tuple[Probe, ...]:
    operator, internet = BY_NAME["operator"], BY_NAME["internet"]
    ssh = [Probe(operator, host, host.addresses[0], SSH) for host in HOSTS]
    # Over the provider, so these wait for BGP in both address families.
    public = {"apache2": HTTP, "postfix": SMTP}
    outside = [
        Probe(internet, host, address, public[service])
        for host in HOSTS
        for address in host.addresses
        for service in sorted(host.services & public.keys())
    ]
    return (*ssh, *outside)


PROBES = _probes()


def failing(probes: Sequence[Probe] = PROBES, patience: float = 1.0) -> list[Probe]:
    """The probes that fail, all tried at once."""
    with ThreadPoolExecutor(max_workers=len(PROBES)) as pool:  # a namespace is a thread's
        succeeded = pool.map(lambda probe: probe.succeeds(patience), probes)
        return [probe for probe, success in zip(probes, succeeded, strict=True) if not success]


def wait(alive: Callable[[], bool], limit: float, probes: Sequence[Probe] = PROBES) -> list[Probe]:
    """Wait until every probe has succeeded once; those that have not after `limit` seconds, or once not `alive`."""
    deadline = time.monotonic() + limit
    pending = list(probes)
    while pending and time.monotonic() < deadline and alive():
        pending = failing(pending, patience=0.3)
        time.sleep(0.05 if pending else 0)
    return pending

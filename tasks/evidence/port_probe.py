"""Probe TCP ports of addresses and print the results. This file is sent unchanged to the probing host.

Arguments: connections per second, timeout of a connection in seconds, maximum of parallel connections, number of
silent ports before an address is abandoned, ports such as `22,80-90`, and addresses. Output: `open ADDRESS PORT`
lines, and one line of counts for each address.
"""

from __future__ import annotations

import errno
import selectors
import socket
import sys
import time
from collections.abc import Iterator

_TRACKED = "/proc/sys/net/netfilter/nf_conntrack_"


class PortProbes:
    """Connections to one address, with counts of open, refused and silent ports."""

    def __init__(self, address: str, patience: float) -> None:
        """`patience` is in seconds."""
        self.address, self.patience = address, patience
        self.counts = {"open": 0, "refused": 0, "silent": 0}
        self.tried = 0
        self.under_way: dict[socket.socket, tuple[int, float]] = {}
        self._eyes = selectors.DefaultSelector()

    def begin(self, port: int) -> None:
        """Start a non-blocking connection to a port."""
        self.tried += 1
        probe_port = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_STREAM)
        probe_port.setblocking(False)
        error = probe_port.connect_ex((self.address, port))
        if error == errno.EINPROGRESS:
            self.under_way[probe_port] = port, time.monotonic() + self.patience
            self._eyes.register(probe_port, selectors.EVENT_WRITE, probe_port)
        else:
            self._settle(probe_port, port, error)

    def wait(self) -> None:
        """Wait up to 10 ms for answers, and close connections past the timeout."""
        for key, _ in self._eyes.select(0.01):
            error = key.data.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._settle(key.data, self._land(key.data), error)
        while self.under_way:
            oldest = next(iter(self.under_way))
            if self.under_way[oldest][1] > time.monotonic():
                return
            self._settle(oldest, self._land(oldest), errno.ETIMEDOUT)

    def unreachable(self, silent: int) -> bool:
        """Return True if at least `silent` ports were silent and no port answered."""
        return self.counts["silent"] >= silent and not self.counts["open"] and not self.counts["refused"]

    def _land(self, probe_port: socket.socket) -> int:
        self._eyes.unregister(probe_port)
        return self.under_way.pop(probe_port)[0]

    def _settle(self, probe_port: socket.socket, port: int, error: int) -> None:
        said = "open" if error == 0 else "refused" if error == errno.ECONNREFUSED else "silent"
        self.counts[said] += 1
        if said == "open":
            sys.stdout.write(f"open {self.address} {port}\n")
            sys.stdout.flush()
        probe_port.close()


def main(rate: float, patience: float, at_once: int, silent: int, ports: str, *addresses: str) -> None:
    """Probe the ports of each address in turn."""
    spans = [
        (int(first), int(last or first)) for first, _, last in (word.partition("-") for word in ports.split(","))
    ]
    for address in addresses:
        port_probes = PortProbes(address, patience)
        left = iter(port for first, last in spans for port in range(first, last + 1))
        _try_all(port_probes, left, rate, at_once, silent)
        asked = sum(last + 1 - first for first, last in spans)
        said = ", ".join(f"{count} {answer}" for answer, count in port_probes.counts.items())
        sys.stdout.write(f"asked {address} {asked} ports: {port_probes.tried} tried, {said}\n")
        sys.stdout.flush()


def _try_all(port_probes: PortProbes, left: Iterator[int], rate: float, at_once: int, silent: int) -> None:
    allowed, then, look, crowded, more = 1.0, time.monotonic(), 0.0, False, True
    while more or port_probes.under_way:
        now = time.monotonic()
        allowed, then = min(allowed + (now - then) * rate, max(1.0, rate / 20)), now
        if now > look:
            crowded, look = _is_crowded(), now + 0.2
        while more and allowed >= 1 and len(port_probes.under_way) < at_once and not crowded:
            port = next(left, 0)
            more = port > 0
            if more:
                allowed -= 1
                port_probes.begin(port)
                more = not port_probes.unreachable(silent)
        port_probes.wait()
        more = more and not port_probes.unreachable(silent)


def _is_crowded() -> bool:
    """Return True if the connection table (nf_conntrack) of this host is more than half full."""
    counts = []
    for name in ("count", "max"):
        try:
            with open(_TRACKED + name, encoding="ascii") as file:  # noqa: PTH123 (import takes its time)
                counts.append(int(file.read()))
        except (OSError, ValueError):
            return False
    return counts[0] * 2 > counts[1]


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], *sys.argv[6:])

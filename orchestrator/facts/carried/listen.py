"""Listener for packets from another host: the listening host receives and runs this program.

Arguments: the token at the start of every datagram, the seconds to listen, and optionally `wire`. The program binds a
free UDP and a free TCP port of each IP version, prints `listening KIND PORT` for each and `ready`, then once for each
arrival `arrived KIND SOURCE CLAIMED`: CLAIMED is the source address named inside the datagram, different after
address translation, and `-` for TCP. A connection counts from its first packet on, as shown by the kernel's socket
table (proc(5), /proc/net/tcp); with `wire`, root also sees packets due to be dropped by the host's own firewall
(packet(7)).
"""

import select
import socket
import struct
import sys
import time
from contextlib import suppress

_SYN_RECV = "03"
_OUTGOING = 4
_UDP, _TCP = 17, 6
_ANY_PROTOCOL = 3
_FAMILIES = {"4": socket.AF_INET, "6": socket.AF_INET6}


class Arrivals:
    """The packets received so far."""

    def __init__(self, token: bytes, *, wire: bool = True) -> None:
        """Open all available sockets; with `wire`, also capture packets ahead of the host's own firewall."""
        self.token = token
        self.seen = set()  # type: ignore[var-annotated]
        self.sockets = {}
        self.ports = {}  # type: ignore[var-annotated]
        for version, family in _FAMILIES.items():
            for word, kind in (("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)):
                with suppress(OSError):
                    self.open(word + version, family, kind)
        if wire:
            with suppress(OSError):
                raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ANY_PROTOCOL))
                self.sockets[raw] = "wire"

    def open(self, kind: str, family: int, how: int) -> None:
        """Bind a free port; raises OSError on a host without the address family."""
        made = socket.socket(family, how)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(("", 0))
        if how == socket.SOCK_STREAM:
            made.listen(16)
        made.setblocking(False)
        self.sockets[made] = kind
        self.ports[kind] = made.getsockname()[1]

    def say(self, kind: str, source: str, claimed: str = "-") -> None:
        """Print an arrival, the first time only."""
        if (kind, source, claimed) not in self.seen and len(self.seen) < 64:
            self.seen.add((kind, source, claimed))
            sys.stdout.write(f"arrived {kind} {source} {claimed}\n")
            sys.stdout.flush()

    def datagram(self, kind: str, source: str, data: bytes) -> None:
        """Take a datagram with the token, and the source address in the datagram."""
        if data.startswith(self.token):
            claimed = data[len(self.token) :].strip().decode("ascii", "replace")
            sound = 0 < len(claimed) < 64 and all(c in "0123456789abcdef.:" for c in claimed)
            self.say(kind, source, claimed if sound else "-")

    def take(self, ready: socket.socket) -> None:
        """Read the packets of one socket."""
        kind = self.sockets[ready]
        with suppress(OSError):
            if kind == "wire":
                data, where = ready.recvfrom(2048)
                if where[2] != _OUTGOING:
                    self.packet(data)
            elif kind.startswith("udp"):
                data, where = ready.recvfrom(2048)
                self.datagram(kind, where[0].partition("%")[0], data)
            else:
                stream, where = ready.accept()
                stream.close()
                self.say(kind, where[0].partition("%")[0])

    def packet(self, data: bytes) -> None:
        """Take a captured packet: a datagram to the port, or the first packet of a connection to the port."""
        version = data[0] >> 4 if data else 0
        if version == 4 and len(data) > 20:
            protocol, source, rest = data[9], data[12:16], data[(data[0] & 15) * 4 :]
        elif version == 6 and len(data) > 40:
            protocol, source, rest = data[6], data[8:24], data[40:]
        else:
            return
        if protocol not in (_UDP, _TCP) or len(rest) < 14:
            return
        kind = ("udp" if protocol == _UDP else "tcp") + str(version)
        if struct.unpack("!H", rest[2:4])[0] != self.ports.get(kind):
            return
        name = socket.inet_ntop(_FAMILIES[str(version)], source)
        if protocol == _UDP:
            self.datagram(kind, name, rest[8:])
        elif rest[13] & 0x12 == 0x02:
            self.say(kind, name)

    def half_open(self) -> None:
        """Take connections after their first packet, with or without a complete handshake."""
        for version, name in (("4", "/proc/net/tcp"), ("6", "/proc/net/tcp6")):
            kind, ending = "tcp" + version, f":{self.ports.get('tcp' + version, 0):04X}"
            with suppress(OSError), open(name) as table:  # noqa: PTH123 - pathlib costs the listener time to start
                for line in table:
                    words = line.split()
                    if len(words) > 3 and words[1].endswith(ending) and words[3] == _SYN_RECV:
                        self.say(kind, _address(words[2].partition(":")[0]))


def _address(text: str) -> str:
    """Parse an address of the kernel's table: words of 32 bits in the host's byte order."""
    packed = b"".join(struct.pack("=I", int(text[n : n + 8], 16)) for n in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def main() -> None:
    """Listen until the timeout."""
    arrivals = Arrivals(sys.argv[1].encode("ascii"), wire="wire" in sys.argv[3:])
    end = time.monotonic() + float(sys.argv[2])
    for kind, port in arrivals.ports.items():
        sys.stdout.write(f"listening {kind} {port}\n")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while time.monotonic() < end:
        for ready in select.select(list(arrivals.sockets), [], [], 0.05)[0]:
            arrivals.take(ready)
        arrivals.half_open()


if __name__ == "__main__":
    main()

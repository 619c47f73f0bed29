"""Sockets in every namespace of the lab, and whether what is sent from one arrives at another.

Both ends belong to this process, so that a look costs milliseconds and depends on no host's word.
"""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, Self, TypeAlias

from lab_hosts import namespaces
from lab_hosts.state import STATE
from lab_hosts.topology import BY_NAME, NODES

from proof_packets import frames
from proof_packets.ways import ADDED, BY_HAND, NOBODY, End, Way

Outcome: TypeAlias = Literal["passes", "dropped", "spare", "masked"]
"""`spare`: the spare answered, and saw the client's own address; `masked`: it saw another."""
PORT, STEADY = 47100, 47101
PATIENCE = 1.5
"""Seconds after which what has not arrived is called dropped."""
AGAIN = 0.1
INTERVAL = 0.004
"""Seconds between two datagrams of a steady stream."""
FRAGMENTED = 3000
"""Bytes of a datagram that fits no frame."""
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_numbers = itertools.count(1)


class Eyes:
    """Listens in every namespace while it is open."""

    def __enter__(self) -> Self:
        self._selector = selectors.DefaultSelector()
        self._listening: dict[str, list[socket.socket]] = {}
        self._renewed: deque[tuple[str, list[socket.socket]]] = deque()
        self._accepted: dict[tuple[str, int], socket.socket] = {}
        """By whom and from which port it was called."""
        self._arrived: set[bytes] = set()
        self._over = False
        for node in NODES:
            self.renew(node.name)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def renew(self, name: str) -> None:
        """Listen in a namespace that is there for the first time, or anew after its host's reboot."""
        add_addresses()
        with namespaces.entered(BY_NAME[name]):
            sockets = [
                socket.socket(family, kind)
                for family in _FAMILY.values()
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
            ]
        for one in sockets:
            one.setblocking(False)
            if one.family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(("::" if one.family == socket.AF_INET6 else "0.0.0.0", PORT))
            if one.type == socket.SOCK_STREAM:
                one.listen(64)
        self._renewed.append((name, sockets))

    def hold(self, way: Way, version: int) -> socket.socket:
        """Open a connection and use it once; raises OSError."""
        client = _socket(way.source, version, socket.SOCK_STREAM)
        try:
            client.settimeout(PATIENCE)
            client.connect((way.destination.address(version), PORT))
            if not _echoes(client):
                raise ConnectionError
        except OSError:
            client.close()
            raise
        return client

    def look(self, way: Way, version: int, held: socket.socket | None = None, *, forgotten: bool = False) -> Outcome:
        """Send, and tell what became of it; of a held connection, whether it still carries both ways.

        `forgotten`: the router knows no connection any more, so that the caller has to speak first.
        """
        if way.kind == "page":
            return _page(way, version)
        looks = {"udp": self._datagram, "fragments": self._datagram, "icmp": _ping}
        with suppress(OSError):
            if held is not None:
                carries = self._tells(held) if way.kind == "told" and not forgotten else _echoes(held)
                return "passes" if carries else "dropped"
            if way.kind in BY_HAND:
                return "passes" if _frame(way, version) else "dropped"
            if way.kind == "forgotten":
                _forget_neighbours()
            if way.kind in looks:
                return "passes" if looks[way.kind](way, version) else "dropped"
            self.hold(way, version).close()
            return "passes"
        return "dropped"

    def _tells(self, held: socket.socket) -> bool:
        """Have the far end speak, then the near one."""
        token = _token() + b"\n"
        self._accepted[held.getsockname()[:2]].sendall(token)
        held.settimeout(PATIENCE)
        return held.recv(4096).endswith(token) and _echoes(held)

    def _datagram(self, way: Way, version: int) -> bool:
        token = _token()
        with _socket(way.source, version, socket.SOCK_DGRAM) as here:
            for _ in _until(PATIENCE):
                with suppress(OSError):  # an answer of somebody's: it counts as lost
                    data = token.ljust(FRAGMENTED if way.kind == "fragments" else 0, b".")
                    here.sendto(data, (way.destination.address(version), PORT))
                time.sleep(AGAIN)
                if token in self._arrived:
                    return True
        return False

    def _serve(self) -> None:
        while not self._over:
            while self._renewed:
                name, sockets = self._renewed.popleft()
                for old in self._listening.pop(name, []):
                    self._selector.unregister(old)
                    old.close()
                for one in sockets:
                    self._selector.register(one, selectors.EVENT_READ)
                self._listening[name] = sockets
            for key, _ in self._selector.select(0.02):
                with suppress(OSError):
                    self._take(key.fileobj)  # type: ignore[arg-type]

    def _take(self, here: socket.socket) -> None:
        if here.type == socket.SOCK_DGRAM:
            self._arrived.add(here.recv(2 * FRAGMENTED).rstrip(b"."))
        elif here.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            stream, caller = here.accept()
            self._accepted[caller[:2]] = stream
            self._selector.register(stream, selectors.EVENT_READ)
        else:
            data = b""
            with suppress(OSError):
                data = here.recv(4096)
            if data:
                here.sendall(data)
            else:
                self._selector.unregister(here)
                here.close()


@contextmanager
def steady(source: End, destination: End) -> Iterator[Callable[[], float | None]]:
    """Send a datagram every few milliseconds, over IPv4; give what tells when the last one arrived.

    The time is of time.monotonic(); `None` while datagrams arrive still, or none has arrived yet.
    """
    over, last = threading.Event(), [0.0]
    with namespaces.entered(BY_NAME[destination.node]), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind((destination.ipv4, STEADY))
        there.settimeout(AGAIN)

        def listen() -> None:
            while not over.is_set():
                with suppress(OSError):
                    there.recv(99)
                    last[0] = time.monotonic()

        def send() -> None:
            with _socket(source, 4, socket.SOCK_DGRAM) as here:
                while not over.wait(INTERVAL):
                    with suppress(OSError):
                        here.sendto(b"steady", (destination.ipv4, STEADY))

        threads = [threading.Thread(target=each, daemon=True) for each in (listen, send)]
        for thread in threads:
            thread.start()
        while not last[0]:
            time.sleep(INTERVAL)
        try:
            yield lambda: last[0] if time.monotonic() - last[0] > 2 * AGAIN else None
        finally:
            over.set()
            for thread in threads:
                thread.join()


def add_addresses() -> None:
    """Give hosts the addresses that they have only here; those that they have already stay."""
    for node, (interface, addresses) in ADDED.items():
        lines = "".join(f"addr replace {a} dev {interface}{' nodad' if ':' in a else ''}\n" for a in addresses)
        with namespaces.entered(BY_NAME[node]):
            subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)


def _forget_neighbours() -> None:
    for name in ("web", "edge"):
        with namespaces.entered(BY_NAME[name]):
            for family in ("-4", "-6"):
                subprocess.run(["ip", family, "neigh", "flush", "all"], capture_output=True, check=False)


def _frame(way: Way, version: int) -> bool:
    """Send a frame by hand from the host's card, and tell whether the destination's sees it."""
    token = _token()
    watching = _packets(way.destination.node)
    with watching, _packets(way.source.node) as here:
        near = here.getsockname()[4].hex(":")
        packet = frames.packet(NOBODY[version], way.destination.address(version), frames.udp(token))
        kind = frames.OTHER if way.kind == "other" else frames.IPV4 if version == 4 else frames.IPV6
        if way.kind == "spoofed":
            sent = frames.frame(_router_card(), near, kind, packet)
        else:
            tag = {"tagged": frames.VLAN, "twice": frames.QINQ}.get(way.kind, 0)
            sent = frames.frame("ff:ff:ff:ff:ff:ff", near, kind, packet, tag)
        for _ in _until(PATIENCE):
            here.send(sent)
            ends = time.monotonic() + AGAIN
            while (left := ends - time.monotonic()) > 0:
                watching.settimeout(left)
                with suppress(TimeoutError):
                    if token in watching.recv(4096):
                        return True
    return False


def _packets(node: str) -> socket.socket:
    """Give a socket that sees and sends every frame of a host's first card."""
    with namespaces.entered(BY_NAME[node]):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(frames.ETH_P_ALL))
    made.bind(("eth0", frames.ETH_P_ALL))
    return made


def _router_card() -> str:
    """Give the link-layer address of the router on the host's segment."""
    with namespaces.entered(BY_NAME["edge"]), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as here:
        here.bind(("br0", 0))
        card: bytes = here.getsockname()[4]
    return card.hex(":")


def _token() -> bytes:
    return f"stopgap-{os.getpid()}-{next(_numbers)}".encode()


def _socket(end: End, version: int, kind: int, protocol: int = 0) -> socket.socket:
    with namespaces.entered(BY_NAME[end.node]):
        made = socket.socket(_FAMILY[version], kind, protocol)
    made.bind((end.address(version), 0))
    return made


def _until(seconds: float) -> Iterator[float]:
    """Give what is left, until nothing is."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        yield left


def _echoes(stream: socket.socket) -> bool:
    """Tell whether what is sent on it comes back; older answers may come before it."""
    token, came = _token() + b"\n", b""
    stream.sendall(token)
    for left in _until(PATIENCE):
        stream.settimeout(left)
        data = stream.recv(4096)
        came += data
        if token in came:
            return True
        if not data:
            return False
    return False


def _ping(way: Way, version: int) -> bool:
    request, reply, protocol = (8, 0, socket.IPPROTO_ICMP) if version == 4 else (128, 129, socket.IPPROTO_ICMPV6)
    token = _token().ljust(32, b".")
    number = next(_numbers) & 0xFFFF  # each look is a flow of its own
    head = struct.pack("!BBHHH", request, 0, 0, number, 1)
    data = head[:2] + (struct.pack("!H", _checksum(head + token)) if version == 4 else head[2:4]) + head[4:] + token
    with _socket(way.source, version, socket.SOCK_RAW, protocol) as here:
        here.sendto(data, (way.destination.address(version), 0))
        for left in _until(PATIENCE):
            here.settimeout(left)
            came = here.recv(4096)
            came = came[20:] if version == 4 else came
            if came[0] == reply and came.endswith(token):
                return True
    return False


def _checksum(data: bytes) -> int:
    """Give the Internet checksum (RFC 1071); of ICMPv6 the kernel makes it."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _page(way: Way, version: int) -> Outcome:
    path = _token().decode()
    came = b""
    with suppress(OSError), _socket(way.source, version, socket.SOCK_STREAM) as here:
        here.settimeout(PATIENCE)
        here.connect((way.destination.address(version), 80))
        here.sendall(f"GET /?{path} HTTP/1.0\r\n\r\n".encode())
        while data := here.recv(4096):
            came += data
    if b"200 OK" not in came:
        return "dropped"
    if b"<h1>spare</h1>" not in came or way.destination.node == "spare":
        return "passes"
    log = (STATE / "hosts" / "spare" / "upper" / "var/log/apache2/access.log").read_text().splitlines()
    clients = {line.split()[0] for line in log if f"/?{path} " in line}
    return "spare" if clients == {way.source.address(version)} else "masked"

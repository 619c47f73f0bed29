"""Put flows into the kernel's table of flows, as nfnetlink_conntrack.h has them.

Standard input: opener and peer a line; then, of a translated flow, who answers, and to which address. Or
`many HOSTS FLOWS`: so many flows that 203.0.113.10 and the addresses after it, so many hosts, have opened.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Iterator
from ipaddress import ip_address

NEW, CREATE, ACK = 1 << 8, 0x601, 0x4
BATCH = 64
Flow = tuple[bytes, bytes, bytes, bytes, int]


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def ends(kind: int, source: bytes, destination: bytes, ports: tuple[int, int]) -> bytes:
    first = 1 if len(source) == 4 else 3
    addresses = attribute(first, source) + attribute(first + 1, destination)
    protocol = attribute(1, bytes([socket.IPPROTO_UDP]))
    protocol += attribute(2, struct.pack("!H", ports[0])) + attribute(3, struct.pack("!H", ports[1]))
    return attribute(kind | 0x8000, attribute(0x8001, addresses) + attribute(0x8002, protocol))


def message(flow: Flow) -> bytes:
    opener, peer, answerer, answered, port = flow
    family = socket.AF_INET if len(opener) == 4 else socket.AF_INET6
    payload = struct.pack("=BBH", family, 0, 0)
    payload += ends(1, opener, peer, (port, 53)) + ends(2, answerer, answered, (53, port))
    payload += attribute(3, struct.pack("!I", 0x8)) + attribute(7, struct.pack("!I", 3000))
    return struct.pack("=IHHII", 16 + len(payload), NEW, CREATE | ACK, 0, 0) + payload


def wanted(lines: list[str]) -> Iterator[Flow]:
    for port, line in enumerate(lines, 1024):
        match line.split():
            case ["many", hosts, flows]:
                yield from many(int(hosts), int(flows))
            case [opener, peer, *rest]:
                answerer, answered = rest or (peer, opener)
                a, b, c, d = (ip_address(word).packed for word in (opener, peer, answerer, answered))
                yield a, b, c, d, port


def many(hosts: int, flows: int) -> Iterator[Flow]:
    for number in range(flows):
        peer_number, host = divmod(number, hosts)
        opener, peer = bytes([203, 0, 113, 10 + host]), bytes([198, 51, 100 + peer_number % 100, 1])
        yield opener, peer, peer, opener, 1024 + peer_number // 100


def main() -> None:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    flows = [message(flow) for flow in wanted(sys.stdin.read().splitlines())]
    for start in range(0, len(flows), BATCH):
        batch = flows[start : start + BATCH]
        netlink.send(b"".join(batch))
        answers = 0
        while answers < len(batch):
            data = netlink.recv(1 << 16)
            place = 0
            while place < len(data):
                length, _, _, _, _, error = struct.unpack_from("=IHHIIi", data, place)
                if error and -error != errno.EEXIST:  # a second attempt finds those of the spare, which nobody blocks
                    sys.exit(f"flow {start + answers}: error {-error}")
                place += length + 3 & ~3
                answers += 1


if __name__ == "__main__":
    main()

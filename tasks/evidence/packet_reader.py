"""Writes packets of network devices as pcapng to standard output, until a signal ends it.

Runs on a router as `python3 -c`, with the standard library of Python 3.6 or later: packet(7) sockets. Arguments:
bytes kept of a packet; `yes` to take frames for others; devices; wanted addresses; spared flows, each
`CLIENT,SERVER,PORT`.
Without wanted addresses every frame is written. Where the addresses are few, the kernel drops other packets itself.
Tags of VLANs that the card has taken off are put back. The last block has the number of lost packets.
"""

import ipaddress
import select
import signal
import socket
import struct
import sys
import time

try:
    import ctypes
except ImportError:  # Debian's python3-minimal: every packet comes up, and this program alone chooses
    ctypes = None  # type: ignore[assignment]

ALL, ADD_MEMBERSHIP, STATISTICS, AUXDATA, PROMISCUOUS = 3, 1, 6, 8, 1
PACKET_LEVEL, ATTACH_FILTER, TIMESTAMP_NS = 263, 26, 35
VLAN, VLAN_KIND = 0x10, 0x40
ETHERNET, RAW = 1, 101
HARDWARE = (1, 772)
MOST_FILTERED = 30
PROTOCOL, NETWORK = 0xFFFFF000, 0xFFF00000
LOAD_HALF, LOAD_WORD, EQUAL, RETURN = 0x28, 0x20, 0x15, 0x06


def block(kind: int, body: bytes) -> bytes:
    """Return a block of pcapng."""
    body += bytes(-len(body) % 4)
    size = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + size + body + size


def option(code: int, value: bytes) -> bytes:
    """Return an option of pcapng."""
    return struct.pack("=HH", code, len(value)) + value + bytes(-len(value) % 4)


def kernel_filter(addresses: "list[bytes]") -> bytes:
    """Return a classic BPF program that takes packets of the addresses, ARP, and every frame of another kind.

    Offsets are of the network header, so that link and VLAN make no difference.
    """
    take, drop = (RETURN, 0, 0, 0x40000), (RETURN, 0, 0, 0)
    code = []
    for kind, size, places in ((0x0800, 4, (12, 16)), (0x86DD, 16, (8, 24))):
        tests = []
        for address in addresses:
            for place in places if len(address) == size else ():
                words = struct.unpack(f"!{size // 4}I", address)
                for number, word in enumerate(words):
                    left = 2 * (len(words) - number) - 1
                    tests += [(LOAD_WORD, 0, 0, NETWORK + place + 4 * number), (EQUAL, 0, left, word)]
                tests.append(take)
        tests.append(drop)
        code += [(LOAD_HALF, 0, 0, PROTOCOL), (EQUAL, 1, 0, kind), (0x05, 0, 0, len(tests)), *tests]
    return b"".join(struct.pack("=HBBI", *each) for each in [*code, take])


class Device:
    """A socket that hears one device."""

    def __init__(self, name: str, number: int, addresses: "list[bytes]", promiscuous: bool) -> None:
        self.name, self.number, self.lost, self.taken = name, number, 0, 0
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        if ctypes and 0 < len(addresses) <= MOST_FILTERED:
            code = ctypes.create_string_buffer(kernel_filter(addresses))
            program = struct.pack("HP", len(code) // 8, ctypes.addressof(code))
            self.socket.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, TIMESTAMP_NS, 1)
        self.socket.setsockopt(PACKET_LEVEL, AUXDATA, 1)
        if promiscuous:
            request = struct.pack("=iHH8x", socket.if_nametoindex(name), PROMISCUOUS, 0)
            self.socket.setsockopt(PACKET_LEVEL, ADD_MEMBERSHIP, request)
        self.socket.bind((name, ALL))
        self.socket.setblocking(False)
        self.link = ETHERNET if self.socket.getsockname()[3] in HARDWARE else RAW

    def packet(self, snap: int) -> "tuple[bytes, int, int, int]":
        """Return the beginning of the next packet, its length, its time in nanoseconds, and its network header."""
        data, more, _, _ = self.socket.recvmsg(snap, 256, socket.MSG_TRUNC)
        at, length, network = 0, len(data), 14 if self.link == ETHERNET else 0
        for level, kind, value in more:
            if level == socket.SOL_SOCKET and kind == TIMESTAMP_NS:
                seconds, rest = struct.unpack_from("=qq", value) if len(value) >= 16 else struct.unpack("=ll", value)
                at = seconds * 10**9 + rest
            elif level == PACKET_LEVEL and kind == AUXDATA and len(value) >= 20:
                status, length, _, _, _, tag, tag_kind = struct.unpack_from("=IIIHHHH", value)
                if status & VLAN and self.link == ETHERNET:
                    kind_of_tag = tag_kind if status & VLAN_KIND else 0x8100
                    data = data[:12] + struct.pack("!HH", kind_of_tag, tag) + data[12:]
                    length, network = length + 4, network + 4
        return data[:snap], length, at or time.time_ns(), network


class Choice:
    """Which packets are written."""

    def __init__(self, wanted: "list[bytes]", spared: "list[tuple[bytes, bytes, int]]") -> None:
        self.wanted, self.spared = wanted, spared

    def takes(self, data: bytes, network: int) -> bool:
        """Return True for a packet of the wanted addresses, but not for one of a spared flow."""
        while data[network - 2 : network] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00") and len(data) > network + 4:
            network += 4
        version = data[network] >> 4 if len(data) > network else 0
        if version == 4 and len(data) >= network + 20:
            ends, size, kind = data[network + 12 : network + 20], 4, data[network + 9]
            ports = data[network + (data[network] & 15) * 4 :][:4]
        elif version == 6 and len(data) >= network + 40:
            ends, size, kind, ports = (
                data[network + 8 : network + 40],
                16,
                data[network + 6],
                data[network + 40 :][:4],
            )
        else:
            return not self.wanted or any(address in data for address in self.wanted)
        source, destination = ends[:size], ends[size:]
        for client, server, port in self.spared if kind == 6 and len(ports) == 4 else ():
            if (source, destination) == (client, server) and int.from_bytes(ports[2:], "big") == port:
                return False
            if (source, destination) == (server, client) and int.from_bytes(ports[:2], "big") == port:
                return False
        return not self.wanted or source in self.wanted or destination in self.wanted


def packed(text: str) -> bytes:
    """Return the bytes of an address."""
    return ipaddress.ip_address(text).packed


def main() -> None:
    """Write packets until a signal comes."""
    snap, promiscuous, names, wanted, spared = sys.argv[1:6]
    addresses = [packed(word) for word in wanted.split()]
    flows = [word.split(",") for word in spared.split()]
    choice = Choice(addresses, [(packed(client), packed(server), int(port)) for client, server, port in flows])
    devices = [Device(n, i, addresses, promiscuous == "yes") for i, n in enumerate(names.split())]
    out = sys.stdout.buffer
    out.write(block(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1) + option(4, b"stopgap") + bytes(4)))
    for device in devices:
        about = option(2, device.name.encode()) + option(9, b"\x09") + bytes(4)
        out.write(block(1, struct.pack("=HHI", device.link, 0, int(snap)) + about))
    out.flush()
    over = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.append(1))
    by_socket = {device.socket: device for device in devices}
    while not over:
        try:
            ready = select.select(list(by_socket), [], [], 0.5)[0]
        except InterruptedError:
            continue
        for each in ready:
            device = by_socket[each]
            for _ in range(256):
                try:
                    data, length, at, network = device.packet(int(snap))
                except OSError:
                    break
                if choice.takes(data, network):
                    head = struct.pack("=5I", device.number, at >> 32, at & 0xFFFFFFFF, len(data), length)
                    out.write(block(6, head + data))
        out.flush()
    for device in devices:
        taken, lost = struct.unpack("=II", device.socket.getsockopt(PACKET_LEVEL, STATISTICS, 8))
        at = time.time_ns()
        counts = option(4, struct.pack("=Q", taken)) + option(5, struct.pack("=Q", lost)) + bytes(4)
        out.write(block(5, struct.pack("=III", device.number, at >> 32, at & 0xFFFFFFFF) + counts))
    out.flush()


if __name__ == "__main__":
    main()

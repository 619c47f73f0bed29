"""Find the flows of some addresses in a single pass over a router's flow table, and delete the flows on demand.

Runs on the router as `python3 -c`, with the standard library of Python 3.6 or later. The program uses the kernel's
conntrack subsystem (nfnetlink, linux/netfilter/nfnetlink_conntrack.h), like conntrack(8); conntrack(8) itself accepts
one address at a time and reads the whole table for each.

Arguments: `count` or `forget`; `blocked`, for the flows of blocked addresses, or `diverted`, for the flows of
visitors diverted to a spare; the timeout in seconds. Standard input: lines of `blocked NETWORK`, `allowed NETWORK`
and `spare ADDRESS`. Flows opened by an allowed address do not count as blocked, nor do flows answered by a spare.
Prints `forgotten N`, `left N` and `offloaded N` (a part of `left`), `opener ADDRESS` of a remaining flow, and
`unread` if the timeout ended the read.
"""

import ipaddress
import socket
import struct
import sys
import time

if False:  # for the type checker alone; a string annotation is not evaluated
    from collections.abc import Callable, Iterable, Iterator

    Ends = tuple[bytes, bytes]
    """Source and destination, packed."""

CONNTRACK, GET, DELETE = 1 << 8, 1, 2
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
TUPLE_ORIG, TUPLE_REPLY, STATUS, ID, ZONE = 1, 2, 3, 12, 18
TUPLE_IP = 1
OFFLOAD = 1 << 14 | 1 << 15
GONE = -2
BATCH = 128


class Networks:
    """Networks with a lookup of a packed address by prefix, fast for any number of networks."""

    def __init__(self, texts: "Iterable[str]") -> None:
        self.exact: set[bytes] = set()
        self.wider: dict[tuple[int, int], set[int]] = {}
        for text in texts:
            network = ipaddress.ip_network(text)
            size, shift = network.max_prefixlen // 8, network.max_prefixlen - network.prefixlen
            if shift:
                known = self.wider.setdefault((size, shift), set())
                known.add(int(network.network_address) >> shift)
            else:
                self.exact.add(network.network_address.packed)

    def __contains__(self, packed: bytes) -> bool:
        if packed in self.exact:
            return True
        number = int.from_bytes(packed, "big") if self.wider else 0
        return any(size == len(packed) and number >> shift in known for (size, shift), known in self.wider.items())


def attributes(data: bytes, start: int, end: int) -> "Iterator[tuple[int, int, int]]":
    """Yield type, begin and end of each attribute's payload."""
    while start + 4 <= end:
        length, kind = struct.unpack_from("=HH", data, start)
        if length < 4:
            return
        yield kind & 0x3FFF, start + 4, start + length
        start += length + 3 & ~3


def ends(data: bytes, start: int, end: int) -> "Ends":
    """Return source and destination of a tuple, packed."""
    for kind, first, last in attributes(data, start, end):
        if kind == TUPLE_IP:
            found = [data[a:z] for _, a, z in attributes(data, first, last)]
            return (found[0], found[1]) if len(found) > 1 else (b"", b"")
    return b"", b""


def messages(data: bytes) -> "Iterator[tuple[int, int, int]]":
    """Yield type, payload begin and end of each netlink message."""
    start = 0
    while start + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, start)
        if length < 16:
            return
        yield kind, start + 16, start + length
        start += length + 3 & ~3


def header(kind: int, flags: int, payload: bytes) -> bytes:
    """Return a netlink message."""
    return struct.pack("=IHHII", 16 + len(payload), CONNTRACK | kind, REQUEST | flags, 0, 0) + payload


class Table:
    """The matching flows of one IP version, with the result of the deletion."""

    def __init__(self, wanted: "Callable[[Ends, Ends], bool]", end: float) -> None:
        self.wanted, self.end = wanted, end
        self.found: list[tuple[bytes, bool, bytes]] = []
        """The kernel's key of each flow, the offload flag, and the opener."""
        self.complete = False
        self.socket = socket.socket(16, socket.SOCK_RAW, 12)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

    def read(self, family: int) -> None:
        """List the table once."""
        self.socket.send(header(GET, DUMP, struct.pack("=BBH", family, 0, 0)))
        while time.monotonic() < self.end:
            data = self.socket.recv(1 << 17)
            for kind, start, end in messages(data):
                if kind == DONE:
                    self.complete = True
                    return
                if kind == ERROR:
                    raise OSError(-struct.unpack_from("=i", data, start)[0], "the table of flows cannot be read")
                self.take(family, data, start + 4, end)

    def take(self, family: int, data: bytes, start: int, end: int) -> None:
        """Keep one flow, if matching."""
        parts = {kind: (first, last) for kind, first, last in attributes(data, start, end)}
        nowhere = (0, 0)
        original, reply = ends(data, *parts.get(TUPLE_ORIG, nowhere)), ends(data, *parts.get(TUPLE_REPLY, nowhere))
        if not self.wanted(original, reply):
            return
        first, last = parts.get(STATUS, nowhere)
        offloaded = bool(struct.unpack_from("!I", data, first)[0] & OFFLOAD) if last - first == 4 else False
        whole = [parts[kind] for kind in (TUPLE_ORIG, ID, ZONE) if kind in parts]
        named = b"".join(data[begin - 4 : close + 3 & ~3] for begin, close in whole)
        self.found.append((struct.pack("=BBH", family, 0, 0) + named, offloaded, original[0]))

    def forget(self) -> int:
        """Delete the matching flows, keep the undeletable flows; return the number of deleted flows."""
        whole = len(self.found)
        left: list[tuple[bytes, bool, bytes]] = []
        while self.found and time.monotonic() < self.end:
            batch, self.found = self.found[-BATCH:], self.found[:-BATCH]
            self.socket.send(b"".join(header(DELETE, ACK, flow[0]) for flow in batch))
            answers: list[int] = []
            while len(answers) < len(batch):
                data = self.socket.recv(1 << 17)
                answers += [struct.unpack_from("=i", data, start)[0] for kind, start, _ in messages(data)]
            left += [flow for place, flow in enumerate(batch) if answers[place] not in (0, GONE)]
        self.found += left
        return whole - len(self.found)


def main() -> None:
    """Read the tables of the two IP versions, delete flows on demand, and print the result."""
    act, which, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    named: dict[str, list[str]] = {"blocked": [], "allowed": [], "spare": []}
    for line in sys.stdin:
        kind, _, text = line.strip().partition(" ")
        named[kind].append(text)
    blocked, allowed, spares = (Networks(named[kind]) for kind in ("blocked", "allowed", "spare"))

    def belongs(original: "Ends", reply: "Ends") -> bool:
        if which == "diverted":
            return original[1] in blocked and reply[0] in spares
        if original[0] in blocked or reply[1] in blocked:
            return True
        theirs = original[1] in blocked or reply[0] in blocked
        return theirs and original[0] not in allowed and reply[0] not in spares

    end = time.monotonic() + seconds
    tables = {family: Table(belongs, end) for family in (socket.AF_INET, socket.AF_INET6)}
    forgotten = 0
    for family, table in tables.items():
        table.read(family)
        forgotten += table.forget() if act == "forget" else 0
    left = [flow for table in tables.values() for flow in table.found]
    said = [f"forgotten {forgotten}", f"left {len(left)}", f"offloaded {sum(flow[1] for flow in left)}"]
    said += [f"opener {ipaddress.ip_address(flow[2])}" for flow in left[:1] if flow[2]]
    said += [] if all(table.complete for table in tables.values()) else ["unread"]
    sys.stdout.write("\n".join([*said, ""]))


if __name__ == "__main__":
    main()

"""Prints a router's flows of some addresses, one a line, much as conntrack(8) does.

Runs on the router as `python3 -c`, behind the functions of `orchestrator/facts/flow_table.py`, with the standard
library of Python 3.6 or later. Arguments: the addresses. Bytes, packets and times stand where the kernel counts them.
"""

import ipaddress
import socket
import struct
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stopgap.orchestrator.facts.flow_table import TUPLE_ORIG, TUPLE_REPLY, Table, attributes, ends

SECONDS = 8
COUNTERS = {9: "orig", 10: "reply"}
TIMEOUT, TIMES, TUPLE_PROTOCOL = 7, 20, 2
NAMES = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}


def protocol(data: bytes, start: int, end: int) -> str:
    """Return the protocol and the ports of a tuple."""
    found = {}
    for kind, first, last in attributes(data, start, end):
        if kind == TUPLE_PROTOCOL:
            found = {k: data[a:z] for k, a, z in attributes(data, first, last)}
    number = found.get(1, b"\0")[0]
    ports = [str(int.from_bytes(found[k], "big")) for k in (2, 3) if k in found]
    return " ".join([NAMES.get(number, str(number)), *("port=" + port for port in ports)])


def main() -> None:
    """Print the flows of the addresses in both versions of IP."""

    class Listing(Table):
        """Prints each wanted flow."""

        def take(self, family: int, data: bytes, start: int, end: int) -> None:
            """Print one flow, if wanted."""
            parts = {kind: (first, last) for kind, first, last in attributes(data, start, end)}
            if TUPLE_ORIG not in parts or TUPLE_REPLY not in parts:
                return
            there, back = ends(data, *parts[TUPLE_ORIG]), ends(data, *parts[TUPLE_REPLY])
            if not self.wanted(there, back):
                return
            words = [protocol(data, *parts[TUPLE_ORIG])]
            words += ["src=" + str(ipaddress.ip_address(there[0])), "dst=" + str(ipaddress.ip_address(there[1]))]
            words += ["reply", protocol(data, *parts[TUPLE_REPLY])]
            words += ["src=" + str(ipaddress.ip_address(back[0])), "dst=" + str(ipaddress.ip_address(back[1]))]
            for kind, way in COUNTERS.items():
                counted = {
                    k: int.from_bytes(data[a:z], "big") for k, a, z in attributes(data, *parts.get(kind, (0, 0)))
                }
                words += [f"{way}_{name}={counted[k]}" for k, name in ((1, "packets"), (2, "bytes")) if k in counted]
            if TIMEOUT in parts:
                words.append(f"timeout={struct.unpack_from('!I', data, parts[TIMEOUT][0])[0]}")
            for kind, first, last in attributes(data, *parts.get(TIMES, (0, 0))):
                if kind == 1:
                    words.append(f"since={int.from_bytes(data[first:last], 'big') // 10**9}")
            sys.stdout.write(" ".join(words) + "\n")

    wanted_addresses = {ipaddress.ip_address(word).packed for word in sys.argv[1:]}
    until = time.monotonic() + SECONDS
    for version in (socket.AF_INET, socket.AF_INET6):
        table = Listing(lambda there, back: bool(wanted_addresses & {*there, *back}), until)
        table.read(version)
        if not table.complete:
            sys.exit("the table of flows is not whole")


if __name__ == "__main__":
    main()

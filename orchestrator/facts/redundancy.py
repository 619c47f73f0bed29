"""Signs of a redundant router pair: a second router with shared addresses may carry packets in place of the first."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import ClassVar

from stopgap.orchestrator.facts.reader import Fact, Output, Reader
from stopgap.orchestrator.hostnumber import parse_int

_GROUPS4 = {IPv4Address("224.0.0.18"), IPv4Address("224.0.0.102")}
"""VRRP, shared by CARP (RFC 5798, section 5.1.1.1), and HSRP version 2."""
_GROUPS6 = {"ff020000000000000000000000000012", "ff020000000000000000000000000066"}


class RedundancyFact(Fact):
    """The signs of redundancy on a router."""

    devices: tuple[str, ...] = ()
    """Links with a listener for other routers' announcements."""
    daemons: tuple[str, ...] = ()
    """Running programs for redundancy; unicast announcements show in no multicast group."""


@dataclass(frozen=True)
class Redundancy(Reader[RedundancyFact]):
    """Read the host's multicast groups (proc(5), /proc/net/igmp), and the running daemons."""

    cap: ClassVar[int] = 1 << 20

    def script(self) -> str:
        """Return the script: the two tables, then `daemon NAME` for each daemon."""
        return (
            "cat /proc/net/igmp /proc/net/igmp6 2>/dev/null\n"
            'for f in /proc/[0-9]*/comm; do read -r c <"$f" && case $c in\n'
            'keepalived|vrrpd|uvrrpd|ucarp) echo "daemon $c";; esac; done 2>/dev/null; true'
        )

    def parse(self, output: Output) -> RedundancyFact:
        """Parse the lines; a host without any sign gives an empty fact."""
        devices: list[str] = []
        daemons: list[str] = []
        device = ""
        for line in output.stdout.lines():
            words = line.split()
            if len(words) == 2 and words[0] == "daemon":
                daemons.append(words[1])
            elif len(words) > 2 and not line[:1].isspace() and words[2] == ":":
                device = words[1]
            elif len(words) > 1 and not line[:1].isspace() and words[1].endswith(":"):
                device = words[1].removesuffix(":")
            elif line[:1].isspace() and words and _group(words[0]) in _GROUPS4:
                devices.append(device)
            elif len(words) > 2 and words[2] in _GROUPS6:
                devices.append(words[1])
        return RedundancyFact(devices=tuple(dict.fromkeys(devices)), daemons=tuple(dict.fromkeys(daemons)))


def _group(text: str) -> IPv4Address | None:
    """Parse a group as printed by the kernel: 32 bits in the host's byte order."""
    number = parse_int(text, 8, base=16)
    return None if number is None else IPv4Address(struct.pack("=I", number))

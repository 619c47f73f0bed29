"""Whether a router shares addresses with another one, which carries packets while the router itself does not."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import ClassVar

from stopgap.orchestrator.facts.reader import Fact, Output, Reader
from stopgap.orchestrator.hostnumber import parse_int

_GROUPS4 = {IPv4Address("224.0.0.18"), IPv4Address("224.0.0.102")}
"""VRRP, which CARP uses too (RFC 5798, 5.1.1.1), and HSRP version 2."""
_GROUPS6 = {"ff020000000000000000000000000012", "ff020000000000000000000000000066"}


class RedundancyFact(Fact):
    """What a router shows of it."""

    devices: tuple[str, ...] = ()
    """Links on which it listens for other routers' announcements."""
    daemons: tuple[str, ...] = ()
    """Programs for it that run; they may also announce to single addresses, which no group shows."""


@dataclass(frozen=True)
class Redundancy(Reader[RedundancyFact]):
    """Read the multicast groups that the host is in (proc(5), /proc/net/igmp), and what runs."""

    cap: ClassVar[int] = 1 << 20

    def script(self) -> str:
        """Print the two tables, then `daemon NAME` for each."""
        return (
            "cat /proc/net/igmp /proc/net/igmp6 2>/dev/null\n"
            'for f in /proc/[0-9]*/comm; do read -r c <"$f" && case $c in\n'
            'keepalived|vrrpd|uvrrpd|ucarp) echo "daemon $c";; esac; done 2>/dev/null; true'
        )

    def parse(self, output: Output) -> RedundancyFact:
        """Read the lines; a host that shows none of it gives nothing."""
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
    """Read a group as the kernel prints it: 32 bits in the machine's own order."""
    number = parse_int(text, 8, base=16)
    return None if number is None else IPv4Address(struct.pack("=I", number))

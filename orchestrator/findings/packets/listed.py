"""The host's own lists of sockets, at moments of the run, set against flows and listeners of a capture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from typing import Literal, NamedTuple, TypeAlias

from stopgap.orchestrator.evidence.manifest import ManifestItem
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.packets.frames import TCP, UDP
from stopgap.orchestrator.findings.packets.traffic import FlowKey
from stopgap.orchestrator.findings.table import FEW_KEYS
from stopgap.orchestrator.hostnumber import parse_int

KERNEL, TOOL = "sockets", "socket-list"
"""Artifacts: the kernel's tables of all network namespaces, and ss or netstat."""
Listed: TypeAlias = Literal["yes", "kernel", "tool", "no", "unknown"]
"""Where a flow or listener is listed: in both lists, in one, in none; `unknown` if it may have been there at no
moment of a list."""
MARGIN = 0.5
"""Seconds that packets have to lie before and after a list, so that inexact clocks accuse nobody."""
_PROTOCOLS = {"tcp": TCP, "tcp6": TCP, "udp": UDP, "udp6": UDP}
_LISTEN = {"0A", "LISTEN"}
_PROC = re.compile(r"/proc/(?:self|\d+)/net/(tcp6?|udp6?):")


class _Ends(NamedTuple):
    protocol: int
    local_port: int
    remote: bytes
    remote_port: int


@dataclass
class _List:
    """One list: connected sockets by their ends, ports that take packets of anybody."""

    connected: set[_Ends] = field(default_factory=set)
    open: set[tuple[int, int]] = field(default_factory=set)

    def has(self, key: FlowKey) -> bool:
        ends = _Ends(key.protocol, key.local_port, key.remote, key.remote_port)
        if ends in self.connected or ends._replace(remote=b"") in self.connected:
            return True
        return key.protocol == UDP and (UDP, key.local_port) in self.open

    def take(self, protocol: int, local_port: int, remote: bytes, remote_port: int, *, listens: bool) -> None:
        if len(self.connected) + len(self.open) >= FEW_KEYS:
            return
        if listens or not remote_port:
            self.open.add((protocol, local_port))
        else:
            self.connected.add(_Ends(protocol, local_port, remote, remote_port))


@dataclass
class Moment:
    """Both lists of the host, and when they were read, by the controller's clock."""

    began: float
    ended: float
    kernel: _List = field(default_factory=_List)
    tool: _List = field(default_factory=_List)

    def within(self, first: float, last: float) -> bool:
        """Return True if both times lie around the lists with a margin."""
        return 0 < first <= self.began - MARGIN and last >= self.ended + MARGIN


def moments(beside: Iterable[CollectionReader]) -> list[Moment]:
    """Return the moments with both lists whole, of collections from the target itself."""
    found = []
    for collected in beside:
        kernel, tool = collected.item(KERNEL), collected.item(TOOL)
        if kernel and tool and _whole(kernel) and _whole(tool):
            moment = Moment(*_around(kernel, tool))
            _read_kernel(collected, moment.kernel)
            _read_tool(collected, moment.tool)
            found.append(moment)
    return found


def listed(key: FlowKey, first: float, last: float, at: Iterable[Moment]) -> Listed:
    """Return which lists name a flow whose packets the host sent at both times, by the controller's clock."""
    return _judged((m.kernel.has(key), m.tool.has(key), m.within(first, last)) for m in at)


def listener_listed(protocol: int, port: int, first: float, last: float, at: Iterable[Moment]) -> Listed:
    """Return which lists name a listening port that answered at both times."""
    return _judged(
        ((protocol, port) in m.kernel.open, (protocol, port) in m.tool.open, m.within(first, last)) for m in at
    )


def _judged(moments_: Iterable[tuple[bool, bool, bool]]) -> Listed:
    """Return the list that names the socket at any moment; `not listed` only if a list was taken during the flow."""
    kernel = tool = around = False
    for in_kernel, in_tool, within in moments_:
        kernel, tool, around = kernel or in_kernel, tool or in_tool, around or within
    if kernel and tool:
        return "yes"
    if not around:
        return "unknown"
    return "kernel" if kernel else "tool" if tool else "no"


def _whole(item: ManifestItem) -> bool:
    return not item.truncated and item.exit_status == 0 and bool(item.bytes) and not item.encrypted


def _around(*items: ManifestItem) -> tuple[float, float]:
    began = min(datetime.fromisoformat(item.started).timestamp() for item in items)
    return began, max(datetime.fromisoformat(item.ended).timestamp() for item in items)


def _read_kernel(collected: CollectionReader, into: _List) -> None:
    for _, text in collected.lines(KERNEL):
        found = _PROC.match(text)
        words = text[found.end() :].split() if found else []
        if not found or len(words) < 4:
            continue
        local, remote = _hexadecimal(words[1]), _hexadecimal(words[2])
        if local and remote:
            into.take(_PROTOCOLS[found[1]], local[1], *remote, listens=words[3] in _LISTEN)


def _hexadecimal(text: str) -> tuple[bytes, int] | None:
    """Parse ADDRESS:PORT of /proc/net/tcp: words of 32 bits in the order of a little-endian machine."""
    digits, _, port = text.partition(":")
    number = parse_int(port, 4, base=16)
    if number is None or len(digits) not in {8, 32} or parse_int(digits[:16] or "x", 16, base=16) is None:
        return None
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return None
    address = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return plain(address), number


def _read_tool(collected: CollectionReader, into: _List) -> None:
    for _, text in collected.lines(TOOL):
        for protocol, local, remote, listens in _sockets(text.split()):
            into.take(protocol, local[1], *remote, listens=listens)


def _sockets(words: list[str]) -> Iterator[tuple[int, tuple[bytes, int], tuple[bytes, int], bool]]:
    """Parse a line of ss (`tcp ESTAB 0 0 LOCAL REMOTE`) or netstat (`tcp 0 0 LOCAL REMOTE ESTABLISHED`)."""
    if len(words) < 5 or words[0] not in _PROTOCOLS:
        return
    netstat = parse_int(words[1]) is not None
    ends = words[3:5] if netstat else words[4:6]
    state = (words[5] if len(words) > 5 else "") if netstat else words[1]
    if len(ends) == 2:
        local, remote = _end(ends[0]), _end(ends[1])
        if local and remote:  # netstat cuts long addresses off: its sockets are told by their ports
            yield _PROTOCOLS[words[0]], local, (b"", remote[1]) if netstat else remote, state in _LISTEN


def _end(text: str) -> tuple[bytes, int] | None:
    address, _, port = text.rpartition(":")
    number = 0 if port == "*" else parse_int(port, 5)
    bare = address.strip("[]").partition("%")[0]
    if number is None:
        return None
    if bare in {"*", ""}:
        return b"", number
    try:
        return plain(ip_address(bare).packed), number
    except ValueError:
        return b"", number


def plain(address: bytes) -> bytes:
    """Return the IPv4 address of an IPv4-mapped IPv6 address; any other address as it is."""
    mapped = IPv6Address(address).ipv4_mapped if len(address) == 16 else None
    return mapped.packed if mapped else address

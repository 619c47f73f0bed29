"""The nftables ruleset of a block as text, in nft's own list format, for comparison."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_network

from stopgap.tasks.traffic.capabilities import Way
from stopgap.tasks.traffic.driver import Block, Service, address_text

_ELEMENTS = re.compile(r"elements = \{([^}]*)\}")
_MADE = re.compile(r"\n*\tchain made \{[^}]*\}\n")


def table_of(label: str) -> str:
    """Give the table's name."""
    return f"stopgap_{label}"


def ruleset(block: Block) -> str:
    """Return the table of a block.

    `prerouting` runs before connection tracking and so drops established flows too. Web traffic to the spare passes
    `prerouting`; `forward` then drops untranslated packets (of flows older than the block). Allowed addresses get
    answers, never a connection: `forward` and `input` enforce the rule. `postrouting` runs after source NAT: every
    packet with a blocked source address comes from the host, whatever the original address.
    """
    lines = [f"table inet {table_of(block.label)} {{", *_sets(block)]
    pairs = (("ip", 4), ("ip6", 6))
    lines += _chain("prerouting", "filter", "prerouting", "raw - 10", _prerouting(block, pairs))
    if block.spare:
        lines += _chain("divert", "nat", "prerouting", "dstnat - 10", _divert(block, pairs))
    lines += _chain("input", "filter", "input", "filter - 10", _answers_alone(block, pairs, _RECEIVED))
    lines += _chain("forward", "filter", "forward", "filter - 10", _answers_alone(block, pairs, _FORWARDED))
    lines += _chain("output", "filter", "output", "raw - 10", _output(block, pairs))
    lines += _chain("postrouting", "filter", "postrouting", "srcnat + 10", _after_nat(block, pairs))
    return "\n".join([*lines[:-1], "}", ""])


def host_ruleset(block: Block) -> str:
    """Return the table for a host's own isolation: all addresses, loopback excepted."""
    lines = [f"table inet {table_of(block.label)} {{", *_sets(block)]
    come = [f"{ip} saddr @allowed{v} accept" for ip, v in (("ip", 4), ("ip6", 6))]
    # A session older than the block may be untracked: the first tracked packet then does not count as a reply.
    answer = [
        f"{ip} daddr @allowed{v} {what} accept"
        for ip, v in (("ip", 4), ("ip6", 6))
        for what in ("tcp flags ack", "ct state established ct direction reply")
    ]
    lines += _chain("prerouting", "filter", "prerouting", "raw - 10", ['iif "lo" accept', *come, *_lone("saddr")])
    lines += _chain("output", "filter", "output", "filter - 10", ['oif "lo" accept', *answer, *_lone("daddr")])
    return "\n".join([*lines[:-1], "}", ""])


def _lone(side: str) -> Iterator[str]:
    yield f"ip6 hoplimit 255 {_ND}"
    yield f"ip {side} @blocked4 counter drop"
    yield f"ip6 {side} @blocked6 counter drop"


def _sets(block: Block) -> Iterator[str]:
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        blocked = [address_text(n) for n in block.dropped if n.version == version]
        allowed = [address_text(n) for n in block.allowed if n.version == version]
        yield from set_text(f"blocked{version}", kind, blocked, nft_time(block.expires))
        yield from set_text(f"allowed{version}", kind, allowed, None)
    if block.cards:
        yield from set_text("cards", "ether_addr", block.cards, nft_time(block.expires))


_ANSWER = "ct state established ct direction reply accept"
_ND = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
"""Neighbour discovery: without it the router could not reach who is allowed to be reached (RFC 4861)."""
_LINK = "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept"
"""The same of a card, which asks for its router by a link-local address too."""
_TOO_BIG = (
    "ip daddr @blocked4 icmp type destination-unreachable icmp code frag-needed accept",
    "ip6 daddr @blocked6 icmpv6 type packet-too-big accept",
)
"""The router's own word that a packet is too big for the way to the operator, or large answers would hang."""
_FORWARDED: tuple[Way, ...] = ("from", "to")
_RECEIVED: tuple[Way, ...] = ("from",)

Pairs = Iterable[tuple[str, int]]


def _prerouting(block: Block, pairs: Pairs) -> Iterator[str]:
    for ip, v in pairs:
        yield f"{ip} saddr @allowed{v} {ip} daddr @blocked{v} accept"
        yield f"{ip} saddr @blocked{v} {ip} daddr @allowed{v} accept"
    yield f"ip6 saddr @blocked6 ip6 hoplimit 255 {_ND}"
    if block.cards:
        yield from (f"ether saddr @cards {ip} daddr @allowed{v} accept" for ip, v in pairs)
        yield f"ether saddr @cards ip6 hoplimit 255 {_LINK}"
    for ip, v in pairs:
        yield from (f"{ip} saddr @blocked{v} {ports} accept" for ports in _ports(block.services, "sport"))
    for ip, v in pairs:
        yield from _drops(block, ip, v, "from", log=block.log)
    if block.cards:
        yield "ether saddr @cards counter drop"
    for ip, v in pairs:
        yield from (f"{ip} daddr @blocked{v} {ports} accept" for ports in _ports(block.services, "dport"))
    for address in block.spare:
        ip = "ip" if address.version == 4 else "ip6"
        yield f"{ip} daddr @blocked{address.version} tcp dport {{ 80, 443 }} accept"
    for ip, v in pairs:
        yield from _drops(block, ip, v, "to", log=block.log)


def _drops(block: Block, ip: str, version: int, way: Way, *, log: bool = False) -> Iterator[str]:
    """Yield rules to drop one direction if the block has the direction: all packets, or certain ports."""
    if way not in block.directions:
        return
    side = "saddr" if way == "from" else "daddr"
    for ports in _ports(block.ports, "dport") if block.ports else [""]:
        match = f"{ip} {side} @blocked{version} {ports}".rstrip()
        if log:
            yield f'{match} limit rate 5/minute log prefix "stopgap {block.label}: "'
        yield f"{match} counter drop"


def _ports(services: Iterable[Service], side: str) -> Iterator[str]:
    for protocol in ("tcp", "udp"):
        numbers = [str(port) for port in sorted({s.port for s in services if s.protocol == protocol})]
        if numbers:
            listed = numbers[0] if len(numbers) == 1 else f"{{ {', '.join(numbers)} }}"
            yield f"{protocol} {side} {listed}"


def _divert(block: Block, pairs: Pairs) -> Iterator[str]:
    for ip, v in pairs:
        for address in block.spare:
            if address.version == v:
                yield f"{ip} saddr @allowed{v} return"
                yield f"{ip} daddr @blocked{v} tcp dport {{ 80, 443 }} dnat {ip} to {address}"


def _answers_alone(block: Block, pairs: Pairs, directions: Iterable[Way]) -> Iterator[str]:
    for ip, v in pairs:
        if "to" in directions:
            yield f"{ip} saddr @allowed{v} {ip} daddr @blocked{v} accept"
        yield f"{ip} saddr @blocked{v} {ip} daddr @allowed{v} {_ANSWER}"
    if "to" not in directions:
        yield f"ip6 saddr @blocked6 ip6 hoplimit 255 {_ND}"
    for ip, v in pairs:
        if "to" in directions:
            yield from (f"{ip} daddr @blocked{v} {ports} accept" for ports in _ports(block.services, "dport"))
        for ports in _ports(block.services, "sport"):
            yield f"{ip} saddr @blocked{v} {ports} {_ANSWER}"
        for way in directions:
            yield from _drops(block, ip, v, way)
    if block.cards:
        yield from (f"ether saddr @cards {ip} daddr @allowed{v} {_ANSWER}" for ip, v in pairs)
        if "to" not in directions:
            yield f"ether saddr @cards ip6 hoplimit 255 {_LINK}"
        yield "ether saddr @cards counter drop"


def _after_nat(block: Block, pairs: Pairs) -> Iterator[str]:
    """Yield rules to drop packets with a blocked source address; answers of the spare, by `divert`, pass."""
    for ip, v in pairs:
        yield f"{ip} saddr @blocked{v} {ip} daddr @allowed{v} {_ANSWER}"
        for ports in _ports(block.services, "sport"):
            yield f"{ip} saddr @blocked{v} {ports} {_ANSWER}"
        for address in block.spare:
            if address.version == v:
                yield f"{ip} saddr @blocked{v} ct reply {ip} saddr {address} accept"
        yield from _drops(block, ip, v, "from")


def _output(block: Block, pairs: Pairs) -> Iterator[str]:
    for ip, v in pairs:
        yield f"{ip} saddr @allowed{v} {ip} daddr @blocked{v} accept"
    yield f"ip6 daddr @blocked6 ip6 hoplimit 255 {_ND}"
    yield from _TOO_BIG
    for ip, v in pairs:
        yield from _drops(block, ip, v, "to")


def set_text(name: str, kind: str, members: Sequence[str], timeout: str | None) -> list[str]:
    """Return the lines of a set in a table.

    Args:
        name: the set's name.
        kind: the type of the members (nft(8), `typeof`), such as `ether_addr`.
        members: the members, in nft's syntax.
        timeout: the time of every member, as returned by `nft_time`; `None`: unlimited.
    """
    flags = ["interval"] if any("/" in member for member in members) else []
    flags += ["timeout"] if timeout else []
    elements = [member + (f" timeout {timeout}" if timeout else "") for member in members]
    return [
        f"\tset {name} {{",
        f"\t\ttype {kind}",
        *([f"\t\tflags {','.join(flags)}"] if flags else []),
        *([f"\t\telements = {{ {', '.join(elements)} }}"] if elements else []),
        "\t}",
        "",
    ]


def chain_text(name: str, hook: str, rules: Iterable[str]) -> list[str]:
    """Return the lines of a chain; `hook` holds type, hook and priority of a base chain, and is empty otherwise."""
    head = [f"\t\t{hook}; policy accept;"] if hook else []
    return [f"\tchain {name} {{", *head, *(f"\t\t{rule}" for rule in rules), "\t}", ""]


def _chain(name: str, kind: str, hook: str, priority: str, rules: Iterable[str]) -> list[str]:
    return chain_text(name, f"type {kind} hook {hook} priority {priority}", rules)


def load_script(text: str, label: str, family: str = "inet") -> str:
    """Return the input of `nft -f` to replace the block's table in one transaction."""
    return delete_script(label, family) + text


def delete_script(label: str, family: str = "inet") -> str:
    """Return the input of `nft -f` to remove the block's table, present or not."""
    table = f"{family} {table_of(label)}"
    return f"add table {table}\ndelete table {table}\n"


def difference(before: str, after: str, label: str, family: str = "inet") -> tuple[str, ...]:
    """Give the unified diff between two listings."""
    name = f"{family} {table_of(label)}"
    lines = difflib.unified_diff(
        _one_element_a_line(before),
        _one_element_a_line(after),
        f"table {name}{'' if before else '  (absent)'}",
        f"table {name}",
        lineterm="",
    )
    return tuple(lines)


def unmarked(listed: str) -> str:
    """Return a listed table without the owner's chain (`sh/table.sh`)."""
    return _MADE.sub("\n", listed)


def same(listed: str, wanted: str) -> bool:
    """Return True if two listings are equivalent.

    nft may wrap lines, reorder set elements, and omit the default burst of a limit.
    """
    return _normal(listed) == _normal(wanted)


def elements_of(name: str, listed: str) -> tuple[str, ...]:
    """Return the members of a set in a listed table, without timeouts; empty without the set."""
    found = re.search(rf"\bset {re.escape(name)} \{{[^}}]*?elements = \{{([^}}]*)\}}", listed)
    return tuple(element.split()[0].strip('"') for element in _elements(found[1])) if found else ()


def _normal(text: str) -> str:
    usual = text.replace(" burst 5 packets", "")
    return " ".join(_ELEMENTS.sub(lambda m: " ".join(sorted(_elements(m[1]))), usual).split())


def _one_element_a_line(text: str) -> list[str]:
    indented = _ELEMENTS.sub(lambda m: f"elements = {{ {(',' + chr(10) + chr(9) * 3).join(_elements(m[1]))} }}", text)
    return indented.expandtabs(4).splitlines()


def _elements(text: str) -> list[str]:
    return [_canonical(*element.split()) for element in text.split(",") if element.strip()]


def _canonical(address: str, *rest: str) -> str:
    """Write the address as Python does: nft may write `::1:0` as `::0.1.0.0` (inet_ntop(3))."""
    try:
        return " ".join((address_text(ip_network(address)), *rest))
    except ValueError:
        return " ".join((address, *rest))


def nft_time(duration: timedelta) -> str:
    """Return a duration in nft's format: `3d`, `1h30m`; whole seconds."""
    seconds = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts)

"""The table that parts a guest's ports from their segment, as text in nft's own list format.

Rules match the port, so that a changed or spoofed address, a VLAN tag, or another kind of frame passes nothing. On a
bridge, the guest's own link-layer address is matched at every port, too: a port that is made anew under another name
drops on. No rule needs connection tracking, which neither family has on every kernel: an operator's connection passes
back by the ACK flag, and no connection of the guest's begins without a segment that lacks the flag (RFC 9293).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from stopgap.orchestrator.host import Network
from stopgap.tasks.traffic.driver import Block, address_text
from stopgap.tasks.traffic.guest.peers import BROADCAST, Peers
from stopgap.tasks.traffic.guest.port import Guest
from stopgap.tasks.traffic.ruleset import chain_text, elements_of, nft_time, set_text, table_of

_TAGS = "ether type { 8021q, 8021ad } counter drop"
_ASKS = "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept"
_TELLS = "icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept"


@dataclass(frozen=True)
class Parting:
    """What the table says of one guest."""

    family: str
    """`bridge` or `netdev`."""
    guest: Guest
    peers: Peers
    own: tuple[Network, ...]
    """The guest's IP addresses: those blocked, and those by configuration."""


def cards_in_force(listed: str) -> tuple[str, ...]:
    """Return the guest's link-layer addresses in a listed table; empty without a table."""
    return elements_of("cards", listed)


def peers_in_force(listed: str) -> Peers:
    """Return the routers in a listed table."""
    addresses = [*elements_of("routers4", listed), *elements_of("routers6", listed)]
    return Peers(cards=elements_of("peers", listed), addresses=tuple(ip_address(a) for a in addresses))


def parting_ruleset(block: Block, parting: Parting) -> str:
    """Return the table of a block."""
    lines = [f"table {parting.family} {table_of(block.label)} {{", *_sets(block, parting)]
    if parting.family == "bridge":
        sent, received = ("iifname @ports", "ether saddr @cards"), ("oifname @ports", "ether daddr @cards")
        before, after = "hook prerouting priority dstnat - 10", "hook postrouting priority srcnat + 10"
        lines += chain_text("prerouting", f"type filter {before}", [f"{each} jump sent" for each in sent])
        lines += chain_text("postrouting", f"type filter {after}", [f"{each} jump received" for each in received])
    else:
        for n, port in enumerate(parting.guest.ports):
            device = f'device "{port}" priority filter - 10'
            lines += chain_text(f"ingress{n}", f"type filter hook ingress {device}", ["iifname @ports jump sent"])
            lines += chain_text(f"egress{n}", f"type filter hook egress {device}", ["oifname @ports jump received"])
    lines += chain_text("sent", "", _sent(block, parting))
    lines += chain_text("received", "", _received(block, parting))
    return "\n".join([*lines[:-1], "}", ""])


def _sets(block: Block, parting: Parting) -> Iterator[str]:
    lasts, guest, peers = nft_time(block.expires), parting.guest, parting.peers
    yield from set_text("ports", "ifname", [f'"{port}"' for port in guest.ports], lasts)
    yield from set_text("cards", "ether_addr", guest.cards, lasts)
    if peers.cards:
        yield from set_text("peers", "ether_addr", peers.cards, None)
        yield from set_text("asked", "ether_addr", peers.asked, None)
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        routers = [str(address) for address in peers.addresses if address.version == version]
        if routers:
            yield from set_text(f"routers{version}", kind, routers, None)
        own, allowed = _of(parting.own, version), _of(block.allowed, version)
        if own:
            yield from set_text(f"own{version}", kind, own, None)
        if own and allowed:
            yield from set_text(f"allowed{version}", kind, allowed, None)


def _sent(block: Block, parting: Parting) -> Iterator[str]:
    yield _TAGS
    yield "ether saddr != @cards counter drop"
    peers, to_peer, to_asked = parting.peers, "", ""
    if peers.cards:
        to_peer, to_asked = "ether daddr @peers ", "ether daddr @asked "
    if _of(parting.own, 4):
        mine = "arp saddr ether @cards arp saddr ip @own4"
        yield f"{to_peer}{mine} accept"
        if any(address.version == 4 for address in peers.addresses):
            yield f"ether daddr {BROADCAST} {mine} arp daddr ip @routers4 accept"
    if _of(parting.own, 6):
        yield f"{to_asked}ip6 hoplimit 255 {_ASKS}"
    for ip, version in (("ip", 4), ("ip6", 6)):
        if _of(parting.own, version) and _of(block.allowed, version):
            answer = f"{to_peer}{ip} saddr @own{version} {ip} daddr @allowed{version}"
            yield f"{answer} tcp flags ack accept"
            yield f"{answer} {'icmp' if version == 4 else 'icmpv6'} type echo-reply accept"
    yield "counter drop"


def _received(block: Block, parting: Parting) -> Iterator[str]:
    yield _TAGS
    by_peer = "ether saddr @peers " if parting.peers.cards and not parting.peers.shared else ""
    if _of(parting.own, 4):
        yield f"{by_peer}arp daddr ip @own4 accept"
    if _of(parting.own, 6):
        yield f"{by_peer}ip6 hoplimit 255 {_TELLS}"
    for ip, version in (("ip", 4), ("ip6", 6)):
        if _of(parting.own, version) and _of(block.allowed, version):
            yield f"{by_peer}{ip} saddr @allowed{version} {ip} daddr @own{version} accept"
    yield "counter drop"


def _of(networks: tuple[Network, ...], version: int) -> list[str]:
    return [address_text(n) for n in networks if n.version == version]

"""The flows that part a guest's ports from their segment on a bridge of Open vSwitch, as text of ovs-ofctl(8).

Four priorities, the highest first: tags, what the guest may still send, all else that it sends, what it may still be
sent, all else to its link-layer addresses. What may pass is forwarded as the bridge itself does it (`NORMAL`). Frames
to groups are no longer flooded to the guest's ports; those that it needs are handed there by a flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from stopgap.orchestrator.facts import COOKIES, SwitchFact
from stopgap.orchestrator.host import Network
from stopgap.tasks.traffic.driver import Block, address_text
from stopgap.tasks.traffic.guest.peers import BROADCAST, Peers
from stopgap.tasks.traffic.guest.ruleset import Parting

LONGEST = 65535
"""Most seconds of a flow's `hard_timeout` (ovs-ofctl(8))."""
TAGGED, MAY_SEND, SENDS, MAY_GET, GETS = 65040, 65030, 65020, 65010, 65000
_TAG = "vlan_tci=0x1000/0x1000"
_GROUPS = "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"


def cookie_of(label: str) -> str:
    """Return the cookie of a block's flows."""
    return f"{COOKIES}{sha256(label.encode()).hexdigest()[:8]}"


def flows(block: Block, parting: Parting, switch: SwitchFact) -> tuple[str, ...]:
    """Return the flows of a block on a bridge, for its ports of the guest."""
    ends = f"hard_timeout={int(block.expires.total_seconds())}, " if ends_itself(block) else ""
    head = f"cookie={cookie_of(block.label)}, {ends}priority="
    numbers = [port.number for device in parting.guest.ports if (port := switch.port(device))]
    return tuple(f"{head}{line}" for line in dict.fromkeys(_lines(block, parting, numbers)))


def ends_itself(block: Block) -> bool:
    """Return True if the flows can hold the block's time; a timer on the hypervisor ends a longer block."""
    return block.expires.total_seconds() <= LONGEST


def alike(some: Iterable[str], others: Iterable[str]) -> bool:
    """Return True for the same flows but for their time, in whatever order ovs-ofctl(8) prints their fields."""
    return {_parts(flow) for flow in some} == {_parts(flow) for flow in others}


def _parts(flow: str) -> tuple[frozenset[str], str]:
    match, _, actions = flow.partition("actions=")
    fields = match.replace(",", " ").split()
    return frozenset(each for each in fields if not each.startswith("hard_timeout=")), actions


def _lines(block: Block, parting: Parting, numbers: Iterable[int]) -> Iterator[str]:
    cards, ports = parting.guest.cards, [f"in_port={number}" for number in numbers]
    for sender in (*ports, *(f"dl_src={card}" for card in cards)):
        yield f"{TAGGED},{sender},{_TAG} actions=drop"
    for card in cards:
        for match in _sent(block, parting, card):
            yield f"{MAY_SEND},{match} actions=NORMAL"
    for sender in (*ports, *(f"dl_src={card}" for card in cards)):
        yield f"{SENDS},{sender} actions=drop"
    outputs = "".join(f",output:{port.removeprefix('in_port=')}" for port in ports)
    for match in _received(block, parting):
        for card in cards:
            yield f"{MAY_GET},{match},dl_dst={card} actions=NORMAL"
    for match in _asked(parting):
        yield f"{MAY_GET},{match},{_GROUPS} actions=NORMAL,strip_vlan{outputs}"
    for card in cards:
        yield f"{GETS},dl_dst={card} actions=drop"


def _sent(block: Block, parting: Parting, card: str) -> Iterator[str]:
    peers = parting.peers
    for own in _of(parting.own, 4):
        mine = f"arp,dl_src={card},arp_sha={card},arp_spa={own}"
        yield from (f"{mine}{to}" for to in _to(peers.cards))
        for router in (str(a) for a in peers.addresses if a.version == 4):
            yield f"{mine},dl_dst={BROADCAST},arp_tpa={router}"
    if _of(parting.own, 6):
        for kind in (133, 135, 136):
            groups = peers.asked if peers.cards else ()
            yield from (f"icmp6,nw_ttl=255,icmp_type={kind},dl_src={card}{to}" for to in _to(groups))
    for version, ip, source, destination in ((4, "", "nw_src", "nw_dst"), (6, "6", "ipv6_src", "ipv6_dst")):
        echo = f"icmp{ip},icmp_type={0 if version == 4 else 129}"
        for own in _of(parting.own, version):
            for allowed in _of(block.allowed, version):
                answer = f"dl_src={card},{source}={own},{destination}={allowed}"
                for to in _to(peers.cards):
                    yield f"tcp{ip},tcp_flags=+ack,{answer}{to}"
                    yield f"{echo},{answer}{to}"


def _received(block: Block, parting: Parting) -> Iterator[str]:
    """Yield what the guest may be sent by name; without `dl_src` where the router's frames may bear any."""
    for by in _by(parting.peers):
        yield from (f"{by}arp,arp_tpa={own}" for own in _of(parting.own, 4))
        if _of(parting.own, 6):
            yield from (f"{by}icmp6,nw_ttl=255,icmp_type={kind}" for kind in (134, 135, 136))
        for version, ip, source, destination in ((4, "ip", "nw_src", "nw_dst"), (6, "ipv6", "ipv6_src", "ipv6_dst")):
            for own in _of(parting.own, version):
                for allowed in _of(block.allowed, version):
                    yield f"{by}{ip},{source}={allowed},{destination}={own}"


def _asked(parting: Parting) -> Iterator[str]:
    """Yield what the guest may be sent to a group: questions for its addresses, and a router's adverts."""
    for by in _by(parting.peers):
        yield from (f"{by}arp,arp_tpa={own}" for own in _of(parting.own, 4))
        six = _of(parting.own, 6)
        yield from (f"{by}icmp6,nw_ttl=255,icmp_type=135,nd_target={own}" for own in six)
        yield from ([f"{by}icmp6,nw_ttl=255,icmp_type=134"] if six else ())


def _to(cards: tuple[str, ...]) -> list[str]:
    return [f",dl_dst={card}" for card in cards] or [""]


def _by(peers: Peers) -> list[str]:
    return [""] if peers.shared or not peers.cards else [f"dl_src={card}," for card in peers.cards]


def _of(networks: Iterable[Network], version: int) -> list[str]:
    return [address_text(n) for n in networks if n.version == version]

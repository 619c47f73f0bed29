"""What a driver's capabilities promise of each way of traffic while a block stands."""

from __future__ import annotations

from proof_packets.eyes import Outcome
from proof_packets.ways import BY_HAND, FROM_BEFORE, Way
from stopgap.tasks.traffic.capabilities import Capabilities


def open_way(way: Way) -> Outcome:
    """Give what becomes of it where nothing is blocked."""
    return "dropped" if way.name == "a drop from before" else "passes"


def asked(way: Way, can: Capabilities) -> Outcome:
    """Give what an operator wants of a block; a page comes from the spare where the driver can do that."""
    if way.span == "aside" or (way.spared and way.destination.node == "web"):
        return open_way(way)
    return "spare" if way.kind == "page" and can.divert else "dropped"


def declared(way: Way, can: Capabilities, version: int) -> Outcome:
    """Give what this driver makes of it, by its own word."""
    if way.kind in BY_HAND:  # root's packet sockets pass by the rules of the host itself
        stopped = can.by_port or (way.kind == "spoofed" and can.cards and can.trusted)
        return "dropped" if stopped else "passes"
    met = {
        "provider": True,
        "router": can.where == "device",
        "local": can.where == "device" and can.local,
        "segment": can.by_port
        or not can.trusted,  # only its port, or the host itself, stands between it and its segment
        "aside": False,
    }[way.span]
    spared = way.spared and can.exception and (way.destination.node == "web" or not can.answers_alone)
    alive = way.kind in FROM_BEFORE and not can.established
    if not met or spared or alive or (version == 6 and not can.ipv6) or not way.needs & {*can.directions}:
        return open_way(way)
    return asked(way, can) if way.kind == "page" else "dropped"

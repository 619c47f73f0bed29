"""Commands of routers that only list, and are used by several drivers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stopgap.orchestrator.facts import ANY, Program, ReadOnly
from stopgap.orchestrator.hostnumber import parse_json

_LISTS = "nft(8): `list` lists, and no option of the command writes a file"
NFT = ReadOnly(("nft", "list"), more=ANY, because=_LISTS)
NFT_STATELESS = ReadOnly(("nft", "-s", "list"), more=ANY, because=_LISTS)
"""Without counters and times."""


def routes(version: int, *chosen: str) -> Program:
    """Read the routes of an IP version, those chosen by words of ip-route(8)."""
    words = ("ip", f"-{version}", "route", "show")
    return ReadOnly(words, more=ANY, because="ip-route(8): `show` lists").asked(*chosen)


def rule_list(version: int) -> Program:
    """Read the routing rules of an IP version."""
    return ReadOnly(("ip", f"-{version}", "rule", "show"), because="ip-rule(8): `show` lists").asked()


def nft_objects(state: str, kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a kind, such as `rule`, of a listing as JSON; raises ValueError and the like."""
    document = parse_json(state)
    for item in document["nftables"]:
        if kind in item:
            yield item[kind]

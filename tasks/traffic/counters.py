"""Counters of the router's ruleset: drops present, time left, and dropped packets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from typing import Any, Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import NftTable, ProgramFact, Reader
from stopgap.orchestrator.host import Network
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic.capabilities import Way
from stopgap.tasks.traffic.driver import address_text, way_text
from stopgap.tasks.traffic.listings import nft_objects

_WAYS = {"saddr": "from", "daddr": "to"}
_BLOCKED = {"@blocked4": 4, "@blocked6": 6}


def state_reader(table: str) -> NftTable:
    """Read a table with times and counters (libnftables-json(5))."""
    return NftTable("inet", table, "-j")


_LONGEST = 10**9
"""Seconds that are taken for what a block has left: some thirty years."""


def remaining(state: str) -> Mapping[Network, timedelta]:
    """Return the time left for each blocked network; raises ValueError for a malformed table."""
    left: dict[Network, timedelta] = {}
    for item in nft_objects(state, "set"):
        if f"@{item.get('name')}" not in _BLOCKED:
            continue
        for element in item.get("elem", ()):
            if isinstance(element, dict) and isinstance(inner := element.get("elem"), dict):
                left[_network(inner["val"])] = _seconds(inner.get("expires", 0))
    return left


def dropped(state: str) -> Mapping[tuple[str, int], int]:
    """Return packets dropped before routing by direction (`from`, `to`) and IP version; no key without a drop
    rule.
    """
    counted: dict[tuple[str, int], int] = {}
    for rule in nft_objects(state, "rule"):
        match rule:
            case {
                "chain": "prerouting",
                "expr": [
                    {"match": {"left": {"payload": {"field": "saddr" | "daddr" as field}}, "right": str(right)}},
                    *_,
                    {"counter": {"packets": int(packets)}},
                    {"drop": None},
                ],
            } if right in _BLOCKED:
                key = _WAYS[field], _BLOCKED[right]
                counted[key] = counted.get(key, 0) + packets
    return counted


class Dropping(Check):
    """The router's drops cover each direction and every blocked address, and have not expired.

    The check reports the number of dropped packets; zero is no failure.
    """

    kind: Literal["dropping"] = "dropping"
    table: str
    addresses: tuple[Network, ...]
    directions: tuple[Way, ...] = ("from", "to")

    def describe(self) -> str:
        """Name the table."""
        ways = (
            tr("both ways")
            if len(self.directions) == 2
            else tr("packets {directions} it", directions=way_text(self.directions[0]))
        )
        return tr("table inet {table} drops {ways}", table=self.table, ways=ways)

    def reader(self) -> Reader[ProgramFact]:
        """Read the table."""
        return state_reader(self.table)

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for the addresses and the drops, and count."""
        if fact.status != 0:
            return Judgement(False, tr("the table is not there"))
        try:
            flagged = any("flags" in table for table in nft_objects(fact.stdout, "table"))
            present, counted = remaining(fact.stdout), dropped(fact.stdout)
        except (ValueError, KeyError, TypeError, AttributeError):
            return Judgement(None, tr("nft printed something else than a table"))
        if flagged:  # nft 1.0.6 prints another word than the flag's
            return Judgement(False, tr("the table has a flag that no block sets: a dormant table drops nothing"))
        lapsed = [address_text(n) for n in self.addresses if present.get(n, timedelta()) <= timedelta()]
        if lapsed:
            return Judgement(False, tr("{lapsed} not in it, or lapsed", lapsed=", ".join(lapsed[:4])))
        if missing := [(d, v) for d in self.directions for v in _BLOCKED.values() if (d, v) not in counted]:
            return Judgement(
                False,
                tr(
                    "no drop {missing}",
                    missing=joined(", ", (tr("{way} IPv{version}", way=way_text(d), version=v) for d, v in missing)),
                ),
            )
        sums = {d: sum(n for (way, _), n in counted.items() if way == d) for d in self.directions}
        return Judgement(
            True,
            joined(
                ", ",
                (
                    (
                        tr("{count} packets {way} it dropped", count=n, way=way_text(d))
                        if n
                        else tr("no packets {way} it dropped", way=way_text(d))
                    )
                    for d, n in sums.items()
                ),
            ),
        )


def _seconds(value: Any) -> timedelta:  # noqa: ANN401
    if not isinstance(value, int) or not 0 <= value <= _LONGEST:
        raise ValueError(tr("no time that a block can have left"))
    return timedelta(seconds=value)


def _network(value: Any) -> Network:  # noqa: ANN401
    if isinstance(value, str):
        return ip_network(value)
    prefix = value["prefix"]
    return ip_network(f"{prefix['addr']}/{prefix['len']}")

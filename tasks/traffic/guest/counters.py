"""Counters of a guest's table: drops present, time left, and dropped frames."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import NftTable, ProgramFact, Reader
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic.capabilities import Way
from stopgap.tasks.traffic.driver import way_text
from stopgap.tasks.traffic.listings import nft_objects

_WAYS: Mapping[str, Way] = {"sent": "from", "received": "to"}
_LONGEST = 10**9
"""Seconds that are taken for what a block has left: some thirty years."""


def guest_state_reader(family: str, table: str) -> NftTable:
    """Read a table with times and counters (libnftables-json(5))."""
    return NftTable(family, table, "-j")


def time_of_ports(state: str) -> Mapping[str, timedelta]:
    """Return the time left to each port; raises ValueError and the like for a malformed table."""
    left: dict[str, timedelta] = {}
    for item in nft_objects(state, "set"):
        for element in item.get("elem", ()) if item.get("name") == "ports" else ():
            if isinstance(element, dict) and isinstance(inner := element.get("elem"), dict):
                seconds = inner.get("expires", 0)
                if not isinstance(seconds, int) or not 0 <= seconds <= _LONGEST:
                    raise ValueError(tr("no time that a block can have left"))
                left[str(inner["val"])] = timedelta(seconds=seconds)
    return left


def dropped_frames(state: str) -> Mapping[Way, int]:
    """Return the dropped frames by direction (`from`, `to` the guest); no key without the final drop."""
    counted: dict[Way, int] = {}
    final: set[str] = set()
    for rule in nft_objects(state, "rule"):
        match rule:
            case {
                "chain": "sent" | "received" as chain,
                "expr": [*matches, {"counter": dict(counter)}, {"drop": None}],
            }:
                counted[_WAYS[chain]] = counted.get(_WAYS[chain], 0) + int(counter["packets"])
                final |= set() if matches else {_WAYS[chain]}
    return {way: frames for way, frames in counted.items() if way in final}


class PortDropping(Check):
    """The guest's ports drop in both directions, and the time is not over; zero dropped frames are no failure."""

    kind: Literal["port-dropping"] = "port-dropping"
    family: str
    table: str
    ports: tuple[str, ...]

    def describe(self) -> str:
        """Name the table and the ports."""
        return tr(
            "table {family} {table} drops both ways at {ports}",
            family=self.family,
            table=self.table,
            ports=", ".join(self.ports),
        )

    def reader(self) -> Reader[ProgramFact]:
        """Read the table."""
        return guest_state_reader(self.family, self.table)

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for the ports and the drops, and count."""
        if fact.status != 0:
            return Judgement(False, tr("the table is not there"))
        try:
            flagged = any("flags" in table for table in nft_objects(fact.stdout, "table"))
            left, counted = time_of_ports(fact.stdout), dropped_frames(fact.stdout)
            hooks = {str(chain.get("hook")) for chain in nft_objects(fact.stdout, "chain")}
        except (ValueError, KeyError, TypeError, AttributeError):
            return Judgement(None, tr("nft printed something else than a table"))
        if flagged:
            return Judgement(False, tr("the table has a flag that no block sets: a dormant table drops nothing"))
        if lapsed := [port for port in self.ports if left.get(port, timedelta()) <= timedelta()]:
            return Judgement(False, tr("{lapsed} not in it, or lapsed", lapsed=", ".join(lapsed[:4])))
        wanted = {"prerouting", "postrouting"} if self.family == "bridge" else {"ingress", "egress"}
        if missing := [
            *sorted(wanted - hooks),
            *(tr("no drop {missing}", missing=way_text(way)) for way in _WAYS.values() if way not in counted),
        ]:
            return Judgement(False, tr("not in it: {missing}", missing=joined(", ", missing)))
        return Judgement(
            True,
            joined(
                ", ",
                (
                    tr("{count} frames {way} it dropped", count=n, way=way_text(way))
                    if n
                    else tr("no frames {way} it dropped", way=way_text(way))
                    for way, n in counted.items()
                ),
            ),
        )

"""Packets that the target is asked to send: what arrives outside disproves containment, whatever the host says.

What does not arrive proves nothing by itself: a host that lies sends nothing, and a packet is lost easily.
"""

from __future__ import annotations

import secrets
from typing import ClassVar, Literal

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import Arrival, Listen, ListeningFact

NAMED = 4
"""Arrivals that one line names; of the rest, how many."""


class Outbound(Check):
    """Nothing that the target is asked to send arrives at the eye: a datagram and a SYN, of each IP version."""

    kind: Literal["outbound"] = "outbound"
    one_sided: ClassVar[bool] = True
    sender: str
    """The target's name."""
    wire: bool = True
    """What the eye's own firewall would drop counts as arrived; False where the eye may be what drops."""

    def describe(self) -> str:
        """Name the sender."""
        return f"nothing that {self.sender} is asked to send arrives"

    def reader(self) -> Listen:
        """Listen, with a token of its own at each look."""
        return Listen(secrets.token_hex(16), self.wire)

    def judge(self, fact: ListeningFact) -> Judgement:
        """Name what arrived."""
        if not fact.arrivals:
            return Judgement(True, "nothing arrived, which alone proves nothing")
        named = [_described(arrival) for arrival in fact.arrivals[:NAMED]]
        more = f" and {len(fact.arrivals) - NAMED} more" if len(fact.arrivals) > NAMED else ""
        return Judgement(False, f"arrived: {', '.join(dict.fromkeys(named))}{more}")


def _described(arrival: Arrival) -> str:
    """Name a packet by its source, and by the one that it left with where that was translated."""
    protocol = "UDP" if arrival.kind.startswith("udp") else "TCP"
    claimed = arrival.claimed if arrival.claimed != arrival.source else None
    return f"{protocol} from {arrival.source}" + (f" (sent as {claimed})" if claimed else "")

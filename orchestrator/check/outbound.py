"""Packets sent by the target on request: an arrival outside disproves containment, whatever the host claims.

A missing packet proves nothing by itself: a lying host sends nothing, and packets are lost easily.
"""

from __future__ import annotations

import secrets
from typing import ClassVar, Literal

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import Arrival, Listen, ListeningFact
from stopgap.orchestrator.text import joined, tr

NAMED = 4
"""Most arrivals named in one line; of further arrivals, the number."""


class Outbound(Check):
    """No packet sent by the target on request arrives at the vantage: no datagram and no SYN, in each IP version."""

    kind: Literal["outbound"] = "outbound"
    one_sided: ClassVar[bool] = True
    sender: str
    """The target's name."""
    wire: bool = True
    """Packets dropped by the vantage's own firewall count as arrived; False if the vantage may be the upstream with
    the block.
    """

    def describe(self) -> str:
        """Return the expected state, with the sender."""
        return tr("nothing that {sender} is asked to send arrives", sender=self.sender)

    def reader(self) -> Listen:
        """Return a listening reader, with a fresh token for each attempt."""
        return Listen(secrets.token_hex(16), self.wire)

    def judge(self, fact: ListeningFact) -> Judgement:
        """Return the arrived packets as the judgement."""
        if not fact.arrivals:
            return Judgement(True, tr("nothing arrived, which alone proves nothing"))
        named = [_described(arrival) for arrival in fact.arrivals[:NAMED]]
        more = tr(" and {count} more", count=len(fact.arrivals) - NAMED) if len(fact.arrivals) > NAMED else ""
        return Judgement(False, tr("arrived: {packets}{more}", packets=joined(", ", dict.fromkeys(named)), more=more))


def _described(arrival: Arrival) -> str:
    """Return a packet's source, and the source before address translation if different."""
    protocol = "UDP" if arrival.kind.startswith("udp") else "TCP"
    claimed = arrival.claimed if arrival.claimed != arrival.source else None
    return tr("{protocol} from {source}", protocol=protocol, source=arrival.source) + (
        tr(" (sent as {claimed})", claimed=claimed) if claimed else ""
    )

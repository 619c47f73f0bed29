"""What several targets of a run need of one host at once: blocks on one router, probes from one vantage.

Blocks go there in one exchange, with one confirmation, and probes in one window, as a single script would have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from stopgap.orchestrator.facts import ConnectFact, TcpConnects
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.plan import Look, PlannedStep
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.applied import Applied
from stopgap.orchestrator.run.apply import apply_apart, apply_steps, follow_up
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.outbound import Turns
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.sharing import Sharing

AT_ONCE = 32
"""Most blocks in one exchange: a rollback timer of 60 s waits for the last of them."""
PROBES_AT_ONCE = 64
"""Most targets whose ports are probed in one window."""
Socket: TypeAlias = tuple[IPv4Address | IPv6Address, int]


class Shared:
    """The exchanges of a run with hosts on which several targets' steps act."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self.blocks = Sharing[PlannedStep, Applied](AT_ONCE)
        self.listeners = Turns()
        self.probes = Sharing[tuple[Socket, ...], Look](PROBES_AT_ONCE)

    def apply(self, step: PlannedStep, pool: ConnectionPool, record: Recorder, interruption: Interruption) -> Applied:
        """Apply the changes of a planned step; see `apply_steps`. Raises OutOfReach."""
        if not _shares(step):
            return apply_steps([step], pool, record, interruption)[0]

        def serve(steps: Sequence[PlannedStep]) -> Sequence[Applied]:
            return apply_apart(steps, pool, record, interruption)

        return follow_up(step, self.blocks.take(step.place.name, step, serve), pool, interruption)

    def probe(self, vantage: Host, sockets: tuple[Socket, ...], pool: ConnectionPool) -> Look:
        """Probe ports from a vantage; return a `ConnectFact` for each, or the reason without an answer."""

        def serve(asked: Sequence[tuple[Socket, ...]]) -> Sequence[Look]:
            every = tuple(dict.fromkeys(socket for each in asked for socket in each))
            reader = TcpConnects(every)
            answers = pool.look([(vantage, reader)])[vantage.name, reader]
            if isinstance(answers, Exception):
                return [answers] * len(asked)
            found = dict[Socket, ConnectFact](zip(every, answers, strict=True))
            return [{socket: found[socket] for socket in each} for each in asked]

        return self.probes.take(vantage.name, sockets, serve)


def _shares(step: PlannedStep) -> bool:
    """Return True for a step that contains by a single change: it takes no time, and no other waits for its end."""
    return tasks()[step.step.task].contains and len(step.changes) == 1 and step.place.has_shell

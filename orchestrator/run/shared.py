"""What several targets of a run need of one host at once: blocks on one router, probes from one vantage.

Blocks go there in one exchange, with one confirmation, and probes in one window, as a single script would have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias

from stopgap.orchestrator.facts import ConnectFact, Reader, TcpConnects
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.outcome import PlannedOutcome
from stopgap.orchestrator.plan import Look, PlannedStep
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.applied import Applied
from stopgap.orchestrator.run.apply import apply_apart, apply_steps, follow_up, follows
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.outbound import Turns
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.sharing import Sharing

AT_ONCE = 32
"""Most blocks in one exchange: a rollback timer of 60 s waits for the last of them."""
FOLLOW_UPS_AT_ONCE = 8
"""Most blocks whose flows are forgotten in one exchange: their proofs wait for the last of them, and as many targets
are heard at a time."""
LOOKS_AT_ONCE = 8
"""Most targets whose checks are read at one vantage in one exchange."""
PROBES_AT_ONCE = 64
"""Most targets whose ports are probed in one window."""
Socket: TypeAlias = tuple[IPv4Address | IPv6Address, int]


class Shared:
    """The exchanges of a run with hosts on which several targets' steps act."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self.blocks = Sharing[PlannedStep, Applied](AT_ONCE)
        self.follow_ups = Sharing[PlannedStep, Applied](FOLLOW_UPS_AT_ONCE)
        self.looks = Sharing[tuple[Reader[Any], ...], Mapping[Reader[Any], Look]](LOOKS_AT_ONCE)
        self.listeners = Turns()
        self.probes = Sharing[tuple[Socket, ...], Look](PROBES_AT_ONCE)

    def expect(self, steps: Iterable[PlannedStep]) -> None:
        """Expect the first blocks of all targets of a plan, which begin side by side."""
        first: dict[str, PlannedStep] = {}
        for step in steps:
            if step.outcome == PlannedOutcome.WOULD_CHANGE and not step.when_its_turn_comes:
                first.setdefault(step.target.name, step)
        self.blocks.expect(Counter(step.place.name for step in first.values() if _shares(step)))

    def apply(self, step: PlannedStep, pool: ConnectionPool, record: Recorder, interruption: Interruption) -> Applied:
        """Apply the changes of a planned step; see `apply_steps`. Raises OutOfReach."""
        if not _shares(step):
            return apply_steps([step], pool, record, interruption)[0]

        def serve(steps: Sequence[PlannedStep]) -> Sequence[Applied]:
            return apply_apart(steps, pool, record, interruption)

        applied = self.blocks.take(step.place.name, step, serve)
        if not follows(step, applied):
            return applied

        def follow(steps: Sequence[PlannedStep]) -> Sequence[Applied]:
            return follow_up(steps, pool, interruption)

        return self.follow_ups.take(step.place.name, step, follow)

    def look(
        self, vantage: Host, readers: tuple[Reader[Any], ...], pool: ConnectionPool
    ) -> Mapping[Reader[Any], Look]:
        """Read facts at a vantage, in one exchange with those that other targets wait for; return them by reader."""

        def serve(asked: Sequence[tuple[Reader[Any], ...]]) -> Sequence[Mapping[Reader[Any], Look]]:
            every = dict.fromkeys(reader for each in asked for reader in each)
            found = pool.look([(vantage, reader) for reader in every])
            return [{reader: found[vantage.name, reader] for reader in each} for each in asked]

        return self.looks.take(vantage.name, readers, serve)

    def probe(self, vantage: Host, sockets: tuple[Socket, ...], pool: ConnectionPool) -> Look:
        """Probe ports from a vantage; return a `ConnectFact` for each, or the reason without an answer."""

        def serve(asked: Sequence[tuple[Socket, ...]]) -> Sequence[Look]:
            every = tuple(dict.fromkeys(socket for each in asked for socket in each))
            reader = TcpConnects(every)
            answers = pool.look_beside(vantage, reader)
            if isinstance(answers, Exception):
                return [answers] * len(asked)
            found = dict[Socket, ConnectFact](zip(every, answers, strict=True))
            return [{socket: found[socket] for socket in each} for each in asked]

        return self.probes.take(vantage.name, sockets, serve)


def _shares(step: PlannedStep) -> bool:
    """Return True for a step that contains by a single change: it takes no time, and no other waits for its end."""
    return tasks()[step.step.task].contains and len(step.changes) == 1 and step.place.has_shell

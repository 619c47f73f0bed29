"""Facts for a plan: what a step wants to know of which host, what is known already, and what is still to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from stopgap.orchestrator.facts import Reader, UnreadableError
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.plan.prospects import Asked
from stopgap.orchestrator.task import At, Parameters, Past, Task


class OutOfReach(Exception):  # noqa: N818
    """A host that a fact was wanted of cannot be reached; the message says why, escaped."""


class NotYet(OutOfReach):
    """It has not answered so far, and nobody waits for it: others have something to do that is more urgent."""


Wanted: TypeAlias = tuple[Host, Reader[Any]]
Look: TypeAlias = Any | OutOfReach | UnreadableError
"""A fact, or why there is none."""


class FactReader(Protocol):
    """Reads facts: one exchange a host, all hosts at once. Gives an answer for each that was wanted.

    Where `needed` names hosts, the others are waited for a little longer than they take, and no more: NotYet.
    """

    def __call__(
        self, wanted: Sequence[Wanted], needed: frozenset[str] | None = None
    ) -> Mapping[tuple[str, Reader[Any]], Look]: ...


@dataclass(frozen=True)
class FactRequest:
    """One fact that a step wants."""

    host: Host | None
    """None: the inventory has no such host."""
    reader: Reader[Any]
    own: bool
    """It is of the host that the step acts on, and without it the step cannot be planned."""


@dataclass(frozen=True)
class Readings:
    """What was read for a step, by the names of its facts."""

    own: dict[str, Look]
    elsewhere: dict[str, Any]
    """None for what could not be read."""


@dataclass
class FactCache:
    """The facts that are known: each is read once, or foreseen by a change that was planned."""

    look: FactReader
    urgent: bool
    """What contains does not wait for hosts that are slow to answer."""
    _facts: dict[tuple[str, Reader[Any]], Look] = field(default_factory=dict)
    _late: dict[str, NotYet] = field(default_factory=dict)

    def read(
        self, task: Task[Any, Any], requests: Mapping[str, FactRequest], prospects: Iterable[FactRequest] = ()
    ) -> Readings:
        """Give what a step wants; what contains does not wait for what other hosts have to say.

        `prospects` are read in the same exchange, for `seen`.
        """
        own_host = frozenset(request.host.name for request in requests.values() if request.host and request.own)
        self.prefetch([*requests.values(), *prospects], own_host if task.contains else None)
        own: dict[str, Look] = {}
        elsewhere: dict[str, Any] = {}
        for name, request in requests.items():
            look = self._facts[request.host.name, request.reader] if request.host else None
            if request.own:
                own[name] = look
            else:
                elsewhere[name] = None if isinstance(look, Exception) else look
        return Readings(own, elsewhere)

    def prefetch(self, requests: Iterable[FactRequest], needed: frozenset[str] | None) -> None:
        """Read what is not known yet, all at once; `needed` as a Looker has it."""
        wanted = dict.fromkeys((request.host, request.reader) for request in requests if request.host)
        missing = [(host, reader) for host, reader in wanted if (host.name, reader) not in self._facts]
        if not missing:
            return
        self._facts |= {
            (host.name, reader): self._late[host.name] for host, reader in missing if host.name in self._late
        }
        if missing := [(host, reader) for host, reader in missing if host.name not in self._late]:
            looks = self.look(missing, needed if self.urgent else None)
            self._facts |= looks
            self._late |= {name: look for (name, _), look in looks.items() if isinstance(look, NotYet)}

    def seen(self, host: Host, reader: Reader[Any]) -> Look:
        """Give what was read of a host; None where it never was."""
        return self._facts.get((host.name, reader))

    def foresee(self, host: Host, reader: Reader[Any], fact: Any) -> None:  # noqa: ANN401
        """Take a fact as it will be."""
        self._facts[host.name, reader] = fact

    def forget(self) -> None:
        """Drop every fact, so that the next look is a fresh one."""
        self._facts.clear()
        self._late.clear()


def wishes_of(task: Task[Any, Any], params: Parameters, scene: Scene) -> dict[str, FactRequest]:
    """Give what a step wants to know of hosts, by the fact's name."""
    requests: dict[str, FactRequest] = {}
    for name, request in task.probe(params, scene).items():
        if isinstance(request, At):
            seen = scene.seen_from(request.vantage)
            requests[name] = FactRequest(seen[0] if seen else None, request.reader, own=False)
        elif not isinstance(request, Past):
            requests[name] = FactRequest(scene.on, request, own=True)
    return requests


def prospects_of(requests: Mapping[str, FactRequest], scene: Scene) -> tuple[Asked, tuple[FactRequest, ...]]:
    """Give the paths that a step reads on its own host, which it may change, and what is asked of them beside."""
    asked = Asked.of(request.reader for request in requests.values() if request.own)
    return asked, tuple(FactRequest(scene.on, reader, own=False) for reader in asked.readers())

"""Facts for a plan: the fact requests of each step, the facts already read, and the facts still to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, assert_never

from stopgap.orchestrator.facts import Reader, UnreadableError
from stopgap.orchestrator.host import CONTROLLER, Host, Scene
from stopgap.orchestrator.plan.prospects import Asked
from stopgap.orchestrator.task import At, Parameters, Past, Task


class OutOfReach(Exception):  # noqa: N818
    """The host of a requested fact cannot be reached; the message gives the reason, escaped."""


class NoShell(OutOfReach):
    """The login has no POSIX shell, or the shell can begin no work; a device's command line may be there."""


class NotYet(OutOfReach):
    """The host has not answered so far, and the plan does not wait: other hosts have more urgent steps."""


Wanted: TypeAlias = tuple[Host, Reader[Any]]
Look: TypeAlias = Any | OutOfReach | UnreadableError
"""A fact, or the reason for a missing fact."""


class FactReader(Protocol):
    """Reads facts: one exchange for each host, all hosts in parallel. Returns an answer to each request.

    With `needed`, the other hosts get a little more time than the needed hosts took; a host without an answer by then
    yields NotYet.
    """

    def __call__(
        self, wanted: Sequence[Wanted], needed: frozenset[str] | None = None
    ) -> Mapping[tuple[str, Reader[Any]], Look]: ...


@dataclass(frozen=True)
class FactRequest:
    """A request of a step for one fact."""

    host: Host | None
    """`None`: the inventory has no such host."""
    reader: Reader[Any]
    own: bool
    """The fact is of the step's own host, and required for the plan."""


@dataclass(frozen=True)
class Readings:
    """The facts read for a step, by name."""

    own: dict[str, Look]
    elsewhere: dict[str, Any]
    """Facts of other hosts; `None` for an unreadable fact."""


@dataclass
class FactCache:
    """The known facts: each fact is read once, or predicted from a planned change."""

    look: FactReader
    urgent: bool
    """A containment step does not wait for slow hosts."""
    _facts: dict[tuple[str, Reader[Any]], Look] = field(default_factory=dict)
    _late: dict[str, NotYet] = field(default_factory=dict)

    def read(
        self, task: Task[Any, Any], requests: Mapping[str, FactRequest], prospects: Iterable[FactRequest] = ()
    ) -> Readings:
        """Return the facts requested by a step; a containment step does not wait for other hosts.

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
        """Read all unknown facts in parallel; `needed` as in FactReader, with the controller, which nobody can slow.

        Without the controller's facts, a cut might not know the operator's way to the target.
        """
        wanted = dict.fromkeys((request.host, request.reader) for request in requests if request.host)
        missing = [(host, reader) for host, reader in wanted if (host.name, reader) not in self._facts]
        if not missing:
            return
        self._facts |= {
            (host.name, reader): self._late[host.name] for host, reader in missing if host.name in self._late
        }
        if missing := [(host, reader) for host, reader in missing if host.name not in self._late]:
            awaited = None if needed is None or not self.urgent else needed | {CONTROLLER.name}
            looks = self.look(missing, awaited)
            self._facts |= looks
            self._late |= {name: look for (name, _), look in looks.items() if isinstance(look, NotYet)}

    def seen(self, host: Host, reader: Reader[Any]) -> Look:
        """Return the fact read from a host; `None` if the fact was never read."""
        return self._facts.get((host.name, reader))

    def foresee(self, host: Host, reader: Reader[Any], fact: Any) -> None:  # noqa: ANN401
        """Store a predicted fact."""
        self._facts[host.name, reader] = fact

    def forget(self) -> None:
        """Drop every fact, so that the next read is fresh."""
        self._facts.clear()
        self._late.clear()


def requests_of(task: Task[Any, Any], params: Parameters, scene: Scene) -> dict[str, FactRequest]:
    """Return the fact requests of a step, by the name of the fact."""
    requests: dict[str, FactRequest] = {}
    for name, request in task.probe(params, scene).items():
        match request:
            case At():
                seen = scene.seen_from(request.vantage)
                requests[name] = FactRequest(seen[0] if seen else None, request.reader, own=False)
            case Reader():
                requests[name] = FactRequest(scene.on, request, own=True)
            case Past():
                pass  # read from the journal, not from a host
            case _:
                assert_never(request)
    return requests


def prospects_of(requests: Mapping[str, FactRequest], scene: Scene) -> tuple[Asked, tuple[FactRequest, ...]]:
    """Return the paths read by a step on the step's own host, possible subjects of a change, with extra readers."""
    asked = Asked.of(request.reader for request in requests.values() if request.own)
    return asked, tuple(FactRequest(scene.on, reader, own=False) for reader in asked.readers())

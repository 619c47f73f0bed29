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


class Looker(Protocol):
    """Reads facts: one exchange a host, all hosts at once. Gives an answer for each that was wanted.

    Where `needed` names hosts, the others are waited for a little longer than they take, and no more: NotYet.
    """

    def __call__(
        self, wanted: Sequence[Wanted], needed: frozenset[str] | None = None
    ) -> Mapping[tuple[str, Reader[Any]], Look]: ...


@dataclass(frozen=True)
class Wish:
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
class Known:
    """The facts that are known: each is read once, or foreseen by a change that was planned."""

    look: Looker
    urgent: bool
    """What contains does not wait for hosts that are slow to answer."""
    _facts: dict[tuple[str, Reader[Any]], Look] = field(default_factory=dict)
    _late: dict[str, NotYet] = field(default_factory=dict)

    def read(self, task: Task[Any, Any], wishes: Mapping[str, Wish], prospects: Iterable[Wish] = ()) -> Readings:
        """Give what a step wants; what contains does not wait for what other hosts have to say.

        `prospects` are read in the same exchange, for `seen`.
        """
        own_host = frozenset(wish.host.name for wish in wishes.values() if wish.host and wish.own)
        self.prefetch([*wishes.values(), *prospects], own_host if task.contains else None)
        own: dict[str, Look] = {}
        elsewhere: dict[str, Any] = {}
        for name, wish in wishes.items():
            look = self._facts[wish.host.name, wish.reader] if wish.host else None
            if wish.own:
                own[name] = look
            else:
                elsewhere[name] = None if isinstance(look, Exception) else look
        return Readings(own, elsewhere)

    def prefetch(self, wishes: Iterable[Wish], needed: frozenset[str] | None) -> None:
        """Read what is not known yet, all at once; `needed` as a Looker has it."""
        wanted = dict.fromkeys((wish.host, wish.reader) for wish in wishes if wish.host)
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


def wishes_of(task: Task[Any, Any], params: Parameters, scene: Scene) -> dict[str, Wish]:
    """Give what a step wants to know of hosts, by the fact's name."""
    wishes: dict[str, Wish] = {}
    for name, wish in task.probe(params, scene).items():
        if isinstance(wish, At):
            seen = scene.seen_from(wish.vantage)
            wishes[name] = Wish(seen[0] if seen else None, wish.reader, own=False)
        elif not isinstance(wish, Past):
            wishes[name] = Wish(scene.on, wish, own=True)
    return wishes


def prospects_of(wishes: Mapping[str, Wish], scene: Scene) -> tuple[Asked, tuple[Wish, ...]]:
    """Give the paths that a step reads on its own host, which it may change, and what is asked of them beside."""
    asked = Asked.of(wish.reader for wish in wishes.values() if wish.own)
    return asked, tuple(Wish(scene.on, reader, own=False) for reader in asked.readers())

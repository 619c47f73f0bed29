"""A consistent inventory: every name in the inventory is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from stopgap.orchestrator.host import CONTROLLER, DriverFound, Host, OtherHosts, Scene, Vantage
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.inventory.combined import Combined
from stopgap.orchestrator.inventory.pattern import ALL, is_pattern, matching
from stopgap.orchestrator.source import InvalidInput, Located, Problem, did_you_mean, quoted

TARGETS = "targets"
"""Name of the group that is meant where a run names no target."""
Endpoint: TypeAlias = tuple[str | None, str, str, int]
"""Jump host, site, address and port: a private address behind another jump host, or elsewhere, is another machine."""


def endpoint(host: Host) -> Endpoint:
    """Return what tells one machine from another, whatever the login."""
    return host.jump, host.scope, host.address, host.port


class MissingVantage(LookupError):  # noqa: N818
    """The inventory has no host for the target's vantage. The message gives the reason, `advice` the remedy."""

    def __init__(self, target: str, vantage: Vantage, among: Sequence[str] = ()) -> None:
        super().__init__(f"{target} has no {vantage}")
        self.advice = f"name its {vantage} in the inventory: hosts: {{{target}: {{{vantage}: HOST}}}}"
        if among:
            self.advice += f"; the `may_block` of {shortened(among)} holds its addresses"


@dataclass(frozen=True)
class Inventory:
    """The hosts by name, in the order of the file, and the groups with all members.

    >>> import stopgap
    >>> text = "{hosts: {web: {address: 192.0.2.7}, db: {address: 192.0.2.8}}, groups: {all-web: {hosts: [web]}}}"
    >>> inventory = stopgap.load_inventory("mine.yaml", text=text)
    >>> [host.name for host in inventory.select(["all-web"])]
    ['web']
    """

    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]
    text: str
    path: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Of another tool's inventory: host → why Stopgap cannot act on the host."""
    notes: tuple[str, ...] = ()
    """Notes on another tool's inventory: settings not taken over."""
    found: Mapping[str, DriverFound] = field(default_factory=dict)
    """Router → the driver found out on the router, where the inventory names none."""
    document: Located | None = field(default=None, repr=False, compare=False)
    """All parts, with the position of each in its file."""
    sources: tuple[Located, ...] = field(default=(), repr=False, compare=False)
    """The documents that the inventory was read from."""
    derived: frozenset[str] = frozenset()
    """Hosts whose upstream is not named, and follows from the `may_block` of one router."""
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Host without a named upstream → several routers whose `may_block` holds the host's addresses."""

    def problem(self, host: str, key: str, message: str, hint: str | None = None) -> Problem:
        """Return a problem with a host's value, at the position of the host's entry or of the defaults."""
        if self.document is None:
            return Problem(f"-i {self.path}", f"{host}: {message}", hint=hint)
        own, shared = ("hosts", host, key), ("defaults", key)
        place = shared if own not in self.document.values and shared in self.document.values else own
        return self.document.problem(place, message, hint=hint)

    @property
    def usual_targets(self) -> tuple[str, ...]:
        """Return the group of the targets meant where nobody names one: `targets`, where there is such a group."""
        return (TARGETS,) if self.groups.get(TARGETS) else ()

    def with_drivers(self, found: Mapping[str, DriverFound]) -> Inventory:
        """Return the inventory with the drivers found out on routers, as if the inventory named the drivers."""
        given = {name: one.of(self.hosts[name]) for name, one in found.items() if name in self.hosts}
        return replace(self, hosts={**self.hosts, **given}, found={**self.found, **found})

    def source_of(self, host: Host, key: str) -> Located:
        """Return the document that gives the key of a host; without such a document, the first."""
        if isinstance(self.document, Combined):
            origin = self.document.origins.get(("hosts", host.name, key))
            return origin.document if origin else self.sources[0]
        return self.sources[0]

    def place(self, host: str) -> str:
        """Return where the host is named first: `FILE:LINE:COLUMN`, or the option of another tool's inventory."""
        if self.document is None:
            return self.path
        at_host = ("hosts", host)
        source, position = self.document.place(self.document.known(at_host), at_key=True, pointing_at="")
        return f"{source}:{position}" if position else source

    def select(self, names: Sequence[str], limit: Sequence[str] | None = None) -> tuple[Host, ...]:
        """Return the hosts matched by names and patterns of hosts and groups, in order, without duplicates.

        `names`: each a host, a group, `all`, or a pattern such as `web*:!web3`. `limit`: likewise; of `names`, only
        the hosts that `limit` matches too, and without `names` all of these. Of several logins of one machine, the
        named one is returned, or else the first. Raises InvalidInput for unknown names, with the nearest match.
        """
        if limit is None:
            return self._selected(names, "-t")
        allowed = self._selected(limit, "--limit-file")
        if not names:
            return allowed
        within = {host.name for host in allowed}
        kept = tuple(host for host in self._selected(names, "-t") if host.name in within)
        if not kept:
            raise InvalidInput([Problem("--limit-file", f"names no host of -t {shortened(names)}")])
        return kept

    def _selected(self, names: Sequence[str], option: str) -> tuple[Host, ...]:
        problems: list[Problem] = []
        selected: dict[str, Host] = {}
        for name in names:
            if name in self.hosts:
                selected[name] = self.hosts[name]
            elif members := self.groups.get(name):
                selected.update((member, self.hosts[member]) for member in members)
            elif name == ALL or is_pattern(name):
                found, unknown = matching(name, tuple(self.hosts), self.groups)
                selected.update((member, self.hosts[member]) for member in found)
                none = [] if found or unknown else [name]
                problems += [
                    Problem(f"{option} {name}", f"{quoted(part)} matches no host") for part in unknown or none
                ]
            elif name in self.left_out:
                problems.append(Problem(f"{option} {name}", f"{name} was left out: {self.left_out[name]}"))
            else:
                hint = did_you_mean(name, [*self.hosts, *self.groups])
                message = f"no host or group of {self.path} is called {quoted(name)}"
                if name in self.groups:
                    message = f"the group {quoted(name)} of {self.path} is empty"
                problems.append(Problem(f"{option} {name}", message, hint=hint))
        problems += self._twice([name for name in names if name in self.hosts], option)
        if problems:
            raise InvalidInput(problems)
        return self._each_machine_once(selected, names)

    def _twice(self, named: Sequence[str], option: str) -> Iterator[Problem]:
        """Yield a problem for each name that is another login of a machine that is named too."""
        first: dict[Endpoint, str] = {}
        for name in named:
            other = first.setdefault(endpoint(self.hosts[name]), name)
            if other != name:
                yield Problem(
                    f"{option} {name}", f"{name} is the same machine as {other}", expected="one of the two logins"
                )

    def _each_machine_once(self, selected: Mapping[str, Host], named: Sequence[str]) -> tuple[Host, ...]:
        """Return the hosts with one login of each machine: the one that is named, or else the first."""
        if not self._logins:
            return tuple(selected.values())
        chosen: dict[Endpoint, str] = {}
        for name in (*(name for name in named if name in self.hosts), *selected):
            chosen.setdefault(endpoint(self.hosts[name]), name)
        return tuple(host for name, host in selected.items() if chosen[endpoint(host)] == name)

    def concerned(self, targets: Sequence[Host]) -> tuple[Host, ...]:
        """Return the hosts in reach of a run on the targets, without duplicates.

        Included are the targets, their upstreams and spares, the outside vantage hosts, and all jump hosts on the
        way.
        """
        outside = (host for host in self.hosts.values() if host.vantage == "outside")
        related = (name for target in targets for name in (*target.upstreams, target.spare) if name is not None)
        waiting = [*targets, *(self.hosts[name] for name in related), *outside]
        found: dict[str, Host] = {}
        while waiting:
            host = waiting.pop(0)
            if host.name not in found:
                found[host.name] = host
                waiting += [self.hosts[host.jump]] if host.jump else []
        return tuple(found.values())

    def offers(self, target: Host, vantage: Vantage) -> bool:
        """Return True if the inventory has a host for the vantage of this target."""
        offered = {"upstream": bool(target.upstreams), "spare": target.spare is not None}
        return offered.get(vantage, True)

    def lacks(self, target: Host, vantage: Vantage) -> MissingVantage:
        """Return the error of a vantage that the inventory has no host for."""
        return MissingVantage(
            target.name, vantage, self.ambiguous.get(target.name, ()) if vantage == "upstream" else ()
        )

    def scene(self, target: Host, on: Vantage) -> Scene:
        """Return the scene of a step `on` this vantage, at the first upstream; raises MissingVantage."""
        return self.scenes(target, on)[0]

    def scenes(self, target: Host, on: Vantage) -> tuple[Scene, ...]:
        """Return the scene of a step `on` this vantage for every host; several upstreams give several scenes.

        Raises MissingVantage.
        """
        upstreams = self._upstreams(target)
        if on == "upstream":
            if not upstreams:
                raise self.lacks(target, on)
            return tuple(self._scene(target, upstream, upstream) for upstream in upstreams)
        stage = {"target": target, "spare": self._spare(target), "controller": CONTROLLER}[on]
        if stage is None:
            raise self.lacks(target, on)
        return (self._scene(target, stage, next(iter(upstreams), None)),)

    def _scene(self, target: Host, stage: Host, upstream: Host | None) -> Scene:
        spare, upstreams = self._spare(target), self._upstreams(target)
        outside = tuple(host for host in self._outside if host.name != target.name)
        known = [host for host in (target, *upstreams, spare, *outside) if host]
        named = frozenset(name for host in known for name in self._logins.get(endpoint(host), (host.name,)))
        return Scene.model_construct(
            target=target,
            on=stage,
            upstream=upstream,
            beside=tuple(host for host in upstreams if host is not upstream),
            spare=spare,
            outside=outside,
            found=self.found.get(stage.name),
            others=OtherHosts(self.hosts, named),
        )

    @cached_property
    def _logins(self) -> Mapping[Endpoint, tuple[str, ...]]:
        """Names of each machine that has several logins."""
        found: dict[Endpoint, list[str]] = {}
        for name, host in self.hosts.items():
            found.setdefault(endpoint(host), []).append(name)
        return {place: tuple(names) for place, names in found.items() if len(names) > 1}

    @cached_property
    def _outside(self) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts.values() if host.vantage == "outside")

    def _upstreams(self, target: Host) -> tuple[Host, ...]:
        return tuple(self.hosts[name] for name in target.upstreams)

    def _spare(self, target: Host) -> Host | None:
        return self.hosts[target.spare] if target.spare is not None else None

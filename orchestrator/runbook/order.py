"""The order of steps: no step may cut the path needed by a later step, or by an undo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from stopgap.orchestrator.host import Address, Host, Network
from stopgap.orchestrator.runbook.runbook import Step
from stopgap.orchestrator.source import Problem


@dataclass(frozen=True)
class _Cut:
    step: Step
    by: Host
    networks: tuple[Network, ...]


@dataclass
class Ways:
    """The paths from the controller to the hosts, as left by earlier steps, for each target."""

    hosts: Mapping[str, Host]
    _cuts: dict[str, list[_Cut]] = field(default_factory=dict)

    def cut(self, step: Step, target: Host, on: Host, networks: Sequence[Network]) -> Iterator[Problem]:
        """Record the networks cut by the step; yield a problem if the step cuts its own path back."""
        if not networks:
            return
        cut = _Cut(step, on, tuple(networks))
        self._cuts.setdefault(target.name, []).append(cut)
        if through := self._severed(on, cut):
            message = (
                f"{on.name} is reached through {through.name}, which this step cuts off: its undo could not be made"
            )
            yield replace(step.document.problem((*step.loc, "task"), message), refused=True)

    def needed(self, step: Step, target: Host, on: Host) -> Iterator[Problem]:
        """Yield a problem if an earlier step has cut the path to the host of this step."""
        for cut in self._cuts.get(target.name, ()):
            if cut.step is not step and (through := self._severed(on, cut)):
                place = cut.step.document.problem((*cut.step.loc, "task"), "").position
                line = f" (line {place.line})" if place else ""
                by_way = "" if through is on else f", which is reached through {through.name}"
                message = (
                    f"{step.task} acts on {on.name}{by_way}, and the step {cut.step.id}{line} cuts the operator's "
                    f"own way to {through.name} before: {cut.by.driver} on {cut.by.name} spares nobody"
                )
                hint = f"put {step.id} before {cut.step.id}, or reach {through.name} at an address that stays open"
                problem = step.document.problem((*step.loc, "task"), message, hint=hint)
                yield replace(problem, refused=True)

    def _severed(self, host: Host, cut: _Cut) -> Host | None:
        """Return the host at the cut: the host itself, or a jump host on the path."""
        seen: set[str] = set()
        here: Host | None = host
        while here is not None and here.connection == "ssh" and here.name not in seen:
            if any(address in network for address in _reached_at(here) for network in cut.networks):
                return here
            seen.add(here.name)
            here = self.hosts.get(here.jump) if here.jump else None
        return None


def _reached_at(host: Host) -> tuple[Address, ...]:
    """Return the connection address of the host; for a hostname, all addresses of the host."""
    try:
        return (ip_address(host.address),)
    except ValueError:
        return host.addresses

"""The account that a step acts as on its host."""

from __future__ import annotations

from stopgap.orchestrator.facts import SystemFact
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.task import Unplannable


def need_root(system: SystemFact, on: Host, what: str) -> None:
    """Raise Unplannable unless the account is root: a plan says so beforehand, where a run would fail."""
    if system.uid != 0:
        raise Unplannable(
            f"user id {system.uid} may not {what} on {on.name}: "
            "only root may (`become: sudo`, where sudo lets this login)"
        )

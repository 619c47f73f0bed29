"""What a scenario is: an evil server, what Stopgap says of it, and how stock fabric would be used instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stopgap.orchestrator.host import Host

from .server import Field

Place = Literal["connect", "log in", "jump", "exec", "flood", "frames", "whole run"]
Hosts = dict[str, Host]
Serve = Callable[[Field], Host | Hosts]
Use = Literal["run", "sudo", "get"]
Steps = Callable[[Path], list[dict[str, Any]]]
"""The steps of a runbook; they may write below the folder."""


@dataclass(frozen=True)
class Scenario:
    """One evil server."""

    name: str
    place: Place
    serve: Serve
    """Start it; give the host `web`, or with it the jump hosts that lead there."""
    expect: str
    """A regular expression that what Stopgap says must match."""
    stock: Use | None = "run"
    """What of fabric is used against the same server; None where fabric has nothing of the kind."""
    steps: Steps | None = None
    """`stopgap run` runs them; without steps two items go out in one exchange."""
    needs_root: bool = False
    """Its server listens on a port below 1024."""

    def start(self, field: Field) -> Hosts:
        """Start the server and give the hosts by name."""
        served = self.serve(field)
        return {served.name: served} if isinstance(served, Host) else served


SCENARIOS: list[Scenario] = []


def scenario(
    name: str, place: Place, expect: str, stock: Use | None = "run", steps: Steps | None = None
) -> Callable[[Serve], Serve]:
    """Register the decorated function as the server of a scenario."""

    def register(serve: Serve) -> Serve:
        SCENARIOS.append(Scenario(name, place, serve, expect, stock, steps))
        return serve

    return register

"""Slots made of network lists, dropped by the owner's rules: the same four names on every such router."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.host import Network
from stopgap.tasks.traffic.driver import Block


def members(block: Block) -> Iterator[tuple[str, Network]]:
    """Yield name and network of each list member, allowed networks first."""
    for network in block.allowed:
        if any(n.version == network.version for n in block.addresses):
            yield f"{_base(network.version)}-ALLOW", network
    for network in block.addresses:
        yield _base(network.version), network


def names(block: Block) -> list[str]:
    """Return the names of the lists needed by the block."""
    versions = sorted({n.version for n in block.addresses})
    return [name for v in versions for name in (_base(v), f"{_base(v)}-ALLOW")]


def versions(block: Block) -> list[int]:
    """Give the IP versions of the blocked addresses."""
    return sorted({n.version for n in block.addresses})


def _base(version: int) -> str:
    return "STOPGAP" if version == 4 else "STOPGAP6"

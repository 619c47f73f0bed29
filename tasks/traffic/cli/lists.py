"""Slots that are lists of networks, which the owner's own rules drop: the same four names on every such router."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.host import Network
from stopgap.tasks.traffic.driver import Block


def members(block: Block) -> Iterator[tuple[str, Network]]:
    """Give the lists' names with what goes into each, who is let through first."""
    for network in block.allowed:
        if any(n.version == network.version for n in block.addresses):
            yield f"{_base(network.version)}-ALLOW", network
    for network in block.addresses:
        yield _base(network.version), network


def names(block: Block) -> list[str]:
    """Give the lists that the block needs."""
    versions = sorted({n.version for n in block.addresses})
    return [name for v in versions for name in (_base(v), f"{_base(v)}-ALLOW")]


def versions(block: Block) -> list[int]:
    """Give the IP versions of the blocked addresses."""
    return sorted({n.version for n in block.addresses})


def _base(version: int) -> str:
    return "STOPGAP" if version == 4 else "STOPGAP6"

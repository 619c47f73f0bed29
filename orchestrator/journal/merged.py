"""The outcome of bringing one chain of this machine into a team's database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Merged:
    """What a merge of one chain did."""

    chain: str
    records: int
    """Records that the database lacked."""
    forked: bool = False
    """Others had written to the chain meanwhile."""

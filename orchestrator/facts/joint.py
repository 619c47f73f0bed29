"""One script answers the questions that several steps have to one host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stopgap.orchestrator.facts.reader import Reader


def joint(readers: Sequence[Reader[Any]]) -> list[tuple[Reader[Any], tuple[Reader[Any], ...]]]:
    """Return what is to be run, in order, and which readers parse the output of each.

    >>> from ipaddress import ip_address
    >>> from stopgap.orchestrator.facts import Gateways, Routes
    >>> one, two = (Routes((ip_address(f"203.0.113.{n}"),)) for n in (1, 2))
    >>> [(len(run.addresses), len(asking)) for run, asking in joint([one, two])]
    [(2, 2)]
    >>> [len(asking) for _, asking in joint([one, Gateways()])]
    [1, 1]
    """
    by_kind: dict[type[Reader[Any]], list[Reader[Any]]] = {}
    for reader in readers:
        by_kind.setdefault(type(reader), []).append(reader)
    together = {
        kind: run
        for kind, same in by_kind.items()
        if len(same) > 1 and (run := same[0].joined_with(same[1:])) is not None
    }
    runs: list[tuple[Reader[Any], tuple[Reader[Any], ...]]] = []
    for reader in readers:
        same = by_kind[type(reader)]
        if type(reader) not in together:
            runs.append((reader, (reader,)))
        elif reader is same[0]:
            runs.append((together[type(reader)], tuple(same)))
    return runs

"""Hosts whose block was lifted while findings are open. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.journal.commands import run_arguments
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.open_findings import OpenFinding, open_findings
from stopgap.orchestrator.shell import join

SETTLED = frozenset({"accepted"})
"""States of findings that keep no host on the list: a person decided to live with them."""
TOLD = frozenset({"left-open", "seen-again"})
"""States that a person, or a look after a person's word, has given."""


@dataclass(frozen=True)
class OpenHost:
    """A host that everybody reaches again, with findings that nobody has shown to be gone."""

    target: str
    since: datetime | None
    """When the last block was undone; None if the block ended by itself, or the time is unknown."""
    findings: tuple[OpenFinding, ...]
    cut_again: str
    """The command that contains the host again."""

    @property
    def is_wrong(self) -> bool:
        """Return True if a person left a finding open, or a finding that was called gone is there again."""
        return any(each.state in TOLD for each in self.findings)


def open_hosts(histories: Iterable[History]) -> Iterator[OpenHost]:
    """Yield the hosts that were contained and are not any more, with open findings; `histories` in order of start."""
    kept: dict[str, list[History]] = {}
    for history in histories:
        contains = {each.target for each in history.containment}
        for target in history.started.targets:
            if target in contains or target in kept:
                kept.setdefault(target, []).append(history)
    for target, runs in kept.items():
        blocks = [each for run in runs for each in run.containment if each.target == target]
        if any(each.in_force for each in blocks):
            continue
        found = tuple(each for each in open_findings(runs) if each.target == target and each.state not in SETTLED)
        if found:
            yield OpenHost(target, _lifted(runs, target), found, _contain(runs[0], target))


def _lifted(runs: Iterable[History], target: str) -> datetime | None:
    undone = [c.undone for run in runs for c in run.changes if c.target == target and c.undone and c.change.lasts]
    return max(undone, default=None)


def _contain(history: History, target: str) -> str:
    return join(["stopgap", "run", *run_arguments(history.started, [target])])

"""The way back: a run's changes taken back in reverse, from any process that holds the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import ChangeStatus, History
from stopgap.orchestrator.journal.records import HostUnreachable, UndoMade
from stopgap.orchestrator.plan import OutOfReach
from stopgap.orchestrator.run.apply import Recorded, take_back
from stopgap.orchestrator.run.fleet import Fleet
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.outcome import exit_code
from stopgap.orchestrator.run.recorder import Recorder

if TYPE_CHECKING:
    from stopgap.orchestrator.run.step import Surroundings


@dataclass
class Undone:
    """What came of an undo."""

    made: list[UndoMade] = field(default_factory=list)
    unreachable: dict[str, str] = field(default_factory=dict)
    """Host → reason; what is in force there stays so."""

    @property
    def exit_code(self) -> int:
        """As for a run: drift is refused, what failed or is unknown failed."""
        words = {"drifted": "refused", "failed": "failed", "unknown": "unknown", "no-undo": "failed"}
        outcomes = [words.get(result.outcome, "changed") for result in self.made]
        return exit_code([*outcomes, *("unreachable" for _ in self.unreachable)])


def undo(
    history: History,
    changes: Sequence[ChangeStatus],
    fleet: Fleet,
    record: Recorder,
    *,
    interruption: Interruption,
    because: Literal["operator", "step-failed", "run-failed"] = "operator",
    force: bool = False,
) -> Undone:
    """Take back changes that `history.undoable` gave, one exchange for each step and host.

    A host out of reach and a change that drifted are left, and said so; the others go on. Raises JournalError.
    """
    hosts: Mapping[str, Host] = {host.name: host for host in history.started.hosts}
    fleet.expect(hosts[change.host] for change in changes)
    result = Undone()
    for (_, _, name), group in groupby(changes, key=lambda c: (c.step, c.target, c.host)):
        recorded = [Recorded(c.step, c.target, c.index, hosts[name], c.change) for c in group]
        if name in result.unreachable or interruption.requested.is_set():
            continue
        try:
            result.made += take_back(recorded, fleet, record, because=because, force=force)
        except OutOfReach as error:
            result.unreachable[name] = str(error)
            record(HostUnreachable(host=name, reason=str(error)))
    return result


def take_back_all(around: Surroundings, target: str) -> Undone:
    """Take back everything that the run has changed for one target: its runbook said `on_failure: undo`."""
    history = around.record.history()
    changes = [change for change in history.undoable() if change.target == target]
    return undo(history, changes, around.fleet, around.record, interruption=around.interruption, because="run-failed")

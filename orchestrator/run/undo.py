"""Rollback of a run: the changes undone in reverse order, by any process with access to the state folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Literal, assert_never

from stopgap.orchestrator.journal import ChangeStatus, DamagedRunError, History, JournalError
from stopgap.orchestrator.journal.records import HostUnreachable, UndoMade
from stopgap.orchestrator.outcome import Outcome, exit_code
from stopgap.orchestrator.plan import OutOfReach
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.take_back import Recorded, not_taken_back, take_back

if TYPE_CHECKING:
    from stopgap.orchestrator.run.context import RunContext


@dataclass
class Undone:
    """The outcome of an undo."""

    made: list[UndoMade] = field(default_factory=list)
    unreachable: dict[str, str] = field(default_factory=dict)
    """Host → reason; changes on the host stay in force."""

    @property
    def exit_code(self) -> int:
        """Exit code as for a run: drift is refused; a failed or unknown undo is failed."""
        return exit_code([*map(_as_of_a_step, self.made), *(Outcome.UNREACHABLE for _ in self.unreachable)])


def _as_of_a_step(made: UndoMade) -> Outcome:
    match made.outcome:
        case "undone":
            return Outcome.CHANGED
        case "drifted":
            return Outcome.REFUSED
        case "failed" | "no-undo":
            return Outcome.FAILED
        case "unknown":
            return Outcome.UNKNOWN
        case _:
            assert_never(made.outcome)


def undo(
    history: History,
    changes: Sequence[ChangeStatus],
    pool: ConnectionPool,
    record: Recorder,
    *,
    interruption: Interruption,
    because: Literal["operator", "step-failed", "run-failed"] = "operator",
    force: bool = False,
    anyway: bool = False,
) -> Undone:
    """Roll back the changes returned by `history.undoable`, with one exchange for each step and host.

    An unreachable host, a drifted change and an undo ended by an internal error are left and reported; the rollback
    continues. Raises DamagedRunError before any act for damaged records, unless `anyway`; JournalError.
    """
    if history.damage and not anyway:
        raise DamagedRunError(history.run, history.damage)
    hosts = history.hosts
    pool.expect(hosts[change.host] for change in changes if change.host in hosts)
    result = Undone()
    for (_, _, name), group in groupby(changes, key=lambda c: (c.step, c.target, c.host)):
        if name in result.unreachable or interruption.requested.is_set():
            continue
        left = list(group)
        try:
            recorded = [Recorded(c.step, c.target, c.index, hosts[name], c.change, c.state == "done") for c in left]
            result.made += take_back(recorded, pool, record, because=because, force=force)
        except OutOfReach as error:
            result.unreachable[name] = str(error)
            record(HostUnreachable(host=name, reason=str(error)))
        except JournalError:
            raise
        except Exception as error:
            failed = [not_taken_back(c.step, c.target, c.index, error) for c in left]
            result.made += failed
            record(*failed)
    return result


def take_back_all(context: RunContext, target: str) -> Undone:
    """Roll back every change of the run for one target, as asked by `on_failure: undo` of the runbook."""
    history = context.record.history()
    changes = [change for change in history.undoable() if change.target == target]
    return undo(
        history, changes, context.pool, context.record, interruption=context.interruption, because="run-failed"
    )

"""A block that nothing ends by itself: `status` tells once the time that was asked for is over."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest

from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.looked import Look
from stopgap.orchestrator.journal.records import RunFinished
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.run.status import RunStatus, each_run

from .story import DROP, change, step, told


@dataclass
class Shelf:
    """Runs in memory, the latest first, as a journal gives them."""

    histories: list[History]

    def looks(self) -> dict[str, Look]:
        return {}

    def runs(self, looks: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(id=str(n)) for n, _ in enumerate(self.histories)]

    def history(self, run: str, gist_of: object) -> History:
        return self.histories[int(run)]


def ran(due: float | None) -> History:
    """Tell a run of five minutes ago with a block that is due after these seconds; None: it was in force already."""
    block = DROP.model_copy(update={"lasts": None, "due": due})
    made, outcome = (change("cut-off", "edge", block), "changed") if due else ([], "unchanged")
    cut = step("cut-off", "edge", "Drop its packets", "traffic.block", *made, outcome=outcome)
    return told([*cut, RunFinished(outcome="ok", exit_code=0)])


def seen(*histories: History) -> RunStatus:
    return list(each_run(cast("Journal", Shelf(list(histories))), offline=True))[-1]


@pytest.mark.parametrize(("due", "overdue", "code"), [(3600.0, 0, ExitCode.OK), (60.0, 1, ExitCode.FAILED)])
def test_status_fails_once_a_block_is_due_that_nothing_ends(due: float, overdue: int, code: ExitCode) -> None:
    found = seen(ran(due))

    assert (len(found.in_force), len(found.overdue), found.exit_code) == (1, overdue, code)


def test_a_later_run_that_asks_for_the_same_block_again_ends_the_reminder() -> None:
    found = seen(ran(None), ran(60.0))

    assert (len(found.in_force), found.overdue) == (1, ())

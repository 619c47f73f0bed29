"""The words of outcomes and the exit statuses of scripts stand in one file each."""

import re
from pathlib import Path
from typing import get_args

from stopgap.orchestrator.change import status
from stopgap.orchestrator.journal.records import Outcome as Recorded
from stopgap.orchestrator.outcome import DONE, EXPECTED, FAILURES, MAY_STAND, RETRIED, Outcome

ROOT = Path(__file__).parents[2]


def test_the_journal_knows_the_same_outcomes() -> None:
    assert set(get_args(Recorded)) == set(Outcome)


def test_each_outcome_is_a_failure_or_expected() -> None:
    assert set(Outcome) == FAILURES | EXPECTED
    assert not FAILURES & EXPECTED


def test_a_refusal_is_the_one_failure_that_is_not_tried_again() -> None:
    assert {"refused"} == FAILURES - RETRIED


def test_what_is_unknown_may_stand_and_is_not_done() -> None:
    assert {"unknown"} == MAY_STAND - DONE


def test_no_two_statuses_of_scripts_are_the_same_number() -> None:
    numbers = [value for name, value in vars(status).items() if name.isupper()]
    assert len(numbers) == len(set(numbers)) == 6


def test_no_other_file_lists_the_failures_of_a_step() -> None:
    listed = re.compile(r'\{"failed", "unknown", "unreachable"')
    found = [str(p) for p in (ROOT / "orchestrator").rglob("*.py") if listed.search(p.read_text())]
    assert found == []

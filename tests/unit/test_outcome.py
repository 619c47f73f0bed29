"""The words of outcomes and the exit statuses of scripts stand in one file each."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from stopgap.orchestrator.change import status
from stopgap.orchestrator.journal.records import RECORD, StepFinished
from stopgap.orchestrator.outcome import (
    DONE,
    EXPECTED,
    FAILURES,
    MAY_STAND,
    RETRIED,
    WORST_FIRST,
    ExitCode,
    Outcome,
    PlannedOutcome,
    RunOutcome,
    exit_code,
    run_outcome,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("word", list(Outcome))
def test_a_record_of_the_journal_has_a_typed_outcome_and_is_written_as_the_word(word: Outcome) -> None:
    old = f'{{"kind":"step-finished","step":"s","target":"web","host":"web","outcome":"{word.value}"}}'
    record = RECORD.validate_json(old)
    assert isinstance(record, StepFinished)
    assert record.outcome is word
    assert record.model_dump(mode="json")["outcome"] == word.value
    assert type(record.model_dump(mode="json")["outcome"]) is str


def test_a_record_with_another_word_is_no_record() -> None:
    with pytest.raises(ValidationError, match="outcome"):
        RECORD.validate_json('{"kind":"step-finished","step":"s","target":"web","host":"web","outcome":"done"}')


@pytest.mark.parametrize("outcome", [*Outcome, *PlannedOutcome])
def test_each_outcome_alone_gives_an_exit_code_and_an_interruption_comes_before_all(outcome: Outcome) -> None:
    assert exit_code([outcome]) in {ExitCode.OK, ExitCode.FAILED, ExitCode.UNREACHABLE, ExitCode.REFUSED}
    assert exit_code([outcome], interrupted=True) == 130


@pytest.mark.parametrize("code", list(ExitCode))
def test_each_exit_code_has_a_word(code: ExitCode) -> None:
    assert run_outcome(code) in list(RunOutcome)


def test_every_outcome_has_its_place_among_the_worst() -> None:
    assert sorted(WORST_FIRST) == sorted(Outcome)


def test_exit_codes_are_numbers_in_one_file_alone() -> None:
    number = re.compile(r"(exit_code\b[^=\n]*= *|\breturn )([2-4]|130|141)\b")
    rooms = (
        "orchestrator/cli",
        "orchestrator/run",
        "orchestrator/errors.py",
        "orchestrator/journal/failure.py",
        "stopgap",
    )
    files = [file for room in rooms for file in [ROOT / room, *(ROOT / room).rglob("*.py")] if file.suffix == ".py"]
    assert len(files) > 60
    assert [f"{f}: {m[0]}" for f in files for m in number.finditer(f.read_text())] == []


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

"""`stopgap.testing`: a fake host answers a probe, and a case that does not hold says where."""

from __future__ import annotations

import pytest

from stopgap.orchestrator.facts import File, FileFact
from stopgap.orchestrator.registry import tasks
from stopgap.testing import Answer, FakeHost, NoAnswerError, case_faults, facts_of, scene_of

TASK = tasks()["host.file"]
PARAMS = TASK.Params.model_validate({"path": "/etc/motd", "content": "x"})
SCENE = scene_of({}, "target")


def test_a_fake_host_gives_a_fact_or_what_the_reader_makes_of_an_answer() -> None:
    given = FakeHost({File("/etc/motd"): FileFact(kind="file", content=b"x")})
    assert facts_of(TASK, PARAMS, SCENE, given).file.content == b"x"
    answered = FakeHost({File("/etc/motd"): Answer("absent\n")})
    assert facts_of(TASK, PARAMS, SCENE, answered).file.kind == "absent"


def test_a_reader_without_an_answer_is_named() -> None:
    with pytest.raises(NoAnswerError, match="/etc/motd"):
        facts_of(TASK, PARAMS, SCENE, FakeHost({}))


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        ({}, "changes: expected 0, got 1"),
        ({"changes": [{"undo": "nothing"}]}, 'changes[0]: expected {"undo": "nothing"}'),
        ({"changes": [{}, {}]}, "changes: missing"),
        ({"changes": [{}], "notes": ["a note"]}, 'notes: missing: "a note"'),
        ({"refused": "no"}, "refused: expected 'no', but it was planned"),
        ({"changes": [{}], "checks": ["target: x"]}, "checks: missing"),
    ],
)
def test_a_case_that_does_not_hold_says_where(case: dict[str, object], fault: str) -> None:
    played = {"params": {"path": "/etc/motd", "content": "x"}, "facts": {"file": {"kind": "absent"}}, **case}
    assert any(fault in found for found in case_faults(TASK, played)), case_faults(TASK, played)

"""Every JSON file below this folder is a case of the task its folder names: facts in, changes, checks and undo out.

`stopgap.testing.cases` says what a case holds, and plays it.
"""

import json
from pathlib import Path

import pytest

from stopgap.orchestrator.registry import tasks
from stopgap.testing import case_faults

CASES = sorted(Path(__file__).parent.glob("*/*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_case(path: Path) -> None:
    assert case_faults(tasks()[path.parent.name], json.loads(path.read_text())) == []


def test_every_task_has_cases() -> None:
    assert {path.parent.name for path in CASES} == set(tasks())

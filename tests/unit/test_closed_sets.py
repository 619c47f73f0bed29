"""A kind that a `match` forgets is an error of mypy, and of the dry run where no type checker looked."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from stopgap.orchestrator.change import Change, DeviceChange, RunCommands, Words, command, make_directory
from stopgap.orchestrator.facts import ABSENT
from stopgap.orchestrator.plan.planned import told_apart
from stopgap.orchestrator.task import Unplannable

ROOT = Path(__file__).parents[2]
STRANGE = """
from typing import Literal
from stopgap.orchestrator.change.base import Change


class Strange(Change):
    kind: Literal["strange"] = "strange"

    def describe(self) -> str:
        return "strange"

    def preview(self) -> list[str]:
        return []

    def describe_undo(self) -> str:
        return "strange"

    def do_script(self) -> str:
        return "true"

    def undo_script(self, *, force: bool = False) -> str:
        return "true"
"""

ADDED = {
    "orchestrator/change/strange.py": ("", STRANGE),
    "orchestrator/change/__init__.py": (
        "AnyChange: TypeAlias = Annotated[\n",
        "from stopgap.orchestrator.change.strange import Strange\nAnyChange: TypeAlias = Annotated[\n    Strange |\n",
    ),
    "orchestrator/journal/records.py": (
        "AnyRecord: TypeAlias = Annotated[\n",
        'class Strange(Record):\n    kind: Literal["strange"] = "strange"\n\n\n'
        "AnyRecord: TypeAlias = Annotated[\n    Strange |\n",
    ),
    "orchestrator/message.py": (
        "Route: TypeAlias = Annotated[",
        'class Strange(_Part):\n    kind: Literal["strange"] = "strange"\n\n'
        '    def describe(self) -> str:\n        return ""\n\n\n'
        "Route: TypeAlias = Annotated[Strange | ",
    ),
    "orchestrator/task.py": ("Reader[Any] | At | Past]", "Reader[Any] | At | Past | Note]"),
}
"""File → a text, and the text with one more kind of change, of record, of route or of request for a fact."""


def test_mypy_names_every_place_in_which_a_new_kind_has_no_case(tmp_path: Path) -> None:
    for folder in ("orchestrator", "tasks", "stopgap"):
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", tmp_path / ".mypy_cache")
    for name, (old, new) in ADDED.items():
        path = tmp_path / name
        text = path.read_text() if path.exists() else ""
        assert old in text
        path.write_text(text.replace(old, new, 1))
    said = subprocess.run([sys.executable, "-m", "mypy"], cwd=tmp_path, capture_output=True, text=True, check=False)
    forgotten = re.findall(r'^(?:stopgap/)?(\S+?):\d+: error: .*expected "Never"', said.stdout, re.MULTILINE)
    assert Counter(forgotten) == {
        "orchestrator/cli/steps.py": 1,
        "orchestrator/documents/event_words.py": 1,
        "orchestrator/journal/fold.py": 1,
        "orchestrator/plan/fact_cache.py": 1,
        "orchestrator/plan/planned.py": 1,
        "orchestrator/plan/prospects.py": 3,
        "orchestrator/post/route.py": 1,
        "orchestrator/report/by_hand.py": 2,
        "orchestrator/report/timeline.py": 1,
        "orchestrator/run/apply.py": 1,
        "orchestrator/run/take_back.py": 1,
    }, said.stdout + said.stderr


def test_a_change_that_the_journal_does_not_know_fails_while_it_is_planned() -> None:
    scope: dict[str, type[Change]] = {}
    exec(STRANGE, scope)
    with pytest.raises(Unplannable, match="class Strange, which is no kind of change"):
        told_apart([scope["Strange"]()])  # type: ignore[list-item]


def test_any_change_may_hang_on_a_rollback_timer_or_end_by_itself() -> None:
    directory = make_directory("/run/x", ABSENT)
    assert directory
    timed = directory.model_copy(update={"rollback_timer": 30.0, "lasts": 60.0})
    assert type(directory).model_validate_json(timed.model_dump_json()) == timed


def test_what_has_no_undo_hangs_on_no_rollback_timer() -> None:
    with pytest.raises(ValidationError, match="a rollback timer needs an undo"):
        RunCommands(about="x", do=(command("true"),), undo=None, rollback_timer=30)
    with pytest.raises(ValidationError, match="no rollback timer runs on a device without a shell"):
        DeviceChange(about="x", do=Words(lines=()), undo=Words(lines=()), rollback_timer=30)

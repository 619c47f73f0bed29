"""Which runbook a name on the command line means."""

from pathlib import Path

import pytest

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.runbook.finding import runbook_file
from stopgap.orchestrator.source import InvalidInput

from .bench import Bench


@pytest.fixture(autouse=True)
def folder_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_name_means_the_shipped_runbook() -> None:
    assert "name: Contain" in runbook_file("contain").read_text()


def test_the_operators_own_copy_comes_before_the_shipped_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "."]) == 0
    capsys.readouterr()
    assert runbook_file("contain") == Path("runbooks/contain.yaml")


def test_a_path_means_itself_whether_it_is_there_or_not() -> None:
    for path in ("contain.yaml", "./contain", "elsewhere/contain"):
        assert runbook_file(path) == Path(path)


@pytest.mark.parametrize(("name", "hint"), [("contian", "did you mean contain?"), ("x", "unlock, update-page")])
def test_a_name_that_nothing_has_is_told_with_those_that_there_are(name: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match="no such file or runbook") as raised:
        runbook_file(name)
    assert hint in str(raised.value)


@pytest.mark.parametrize("command", ["show", "report", "verify", "resume", "undo"])
def test_a_run_that_there_is_not_is_invalid_input(bench: Bench, command: str) -> None:
    status, _, said = bench.stopgap(command, "20200101-0000-zzzz")
    assert (status, "there is no run" in said) == (2, True), said

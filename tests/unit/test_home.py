"""The state folder is the operator's alone, and keeps the details of few errors in one place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.journal import state_home
from stopgap.orchestrator.journal.error_files import MOST, keep_details
from stopgap.orchestrator.journal.failure import SharedHomeError

from .bench import Bench

SOMEBODY = 4711
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder away, as root alone may")


def home_at(path: Path) -> Path:
    return state_home({"STOPGAP_HOME": str(path)})


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir(mode=0o700)
    return tmp_path / "mine"


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o711, 0o750])
def test_a_folder_that_others_cannot_write_to_is_taken(top: Path, mode: int) -> None:
    (top / "home").mkdir()
    (top / "home").chmod(mode)
    assert home_at(top / "home") == top / "home"


def test_a_folder_that_is_not_there_yet_is_taken(top: Path) -> None:
    assert home_at(top / "a" / "b") == top / "a" / "b"


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777, 0o702, 0o2775])
def test_a_folder_that_others_may_write_to_is_refused(top: Path, mode: int) -> None:
    (top / "home").mkdir()
    (top / "home").chmod(mode)
    with pytest.raises(SharedHomeError, match="can be written to by others"):
        home_at(top / "home")


@pytest.mark.parametrize("there", [True, False])
def test_so_is_one_below_a_folder_that_others_may_write_to(top: Path, there: bool) -> None:
    (top / "a" / "b").mkdir(parents=True)
    if there:
        (top / "a" / "b" / "home").mkdir()
    (top / "a").chmod(0o777)
    with pytest.raises(SharedHomeError, match="/a, on the way to the state folder"):
        home_at(top / "a" / "b" / "home")


def test_one_below_a_sticky_folder_is_taken(top: Path) -> None:
    (top / "tmp" / "home").mkdir(parents=True)
    (top / "tmp").chmod(0o1777)
    assert home_at(top / "tmp" / "home")


@pytest.mark.parametrize("relative", [True, False])
def test_a_link_into_a_folder_that_others_may_write_to_is_refused(top: Path, relative: bool) -> None:
    (top / "open" / "home").mkdir(parents=True)
    (top / "open").chmod(0o777)
    (top / "links").mkdir()
    (top / "links" / "home").symlink_to("../open/home" if relative else top / "open" / "home")
    with pytest.raises(SharedHomeError, match="can be written to by others"):
        home_at(top / "links" / "home")
    (top / "way").symlink_to(top / "open")
    with pytest.raises(SharedHomeError):
        home_at(top / "way" / "home")


def test_a_link_to_a_folder_of_ones_own_is_taken(top: Path) -> None:
    (top / "home").mkdir()
    (top / "link").symlink_to("home")
    assert home_at(top / "link") == top / "link"
    assert home_at(top / "link" / "below")


def test_links_in_a_circle_are_refused(top: Path) -> None:
    (top / "one").symlink_to("two")
    (top / "two").symlink_to("one")
    with pytest.raises(SharedHomeError, match="too many symbolic links"):
        home_at(top / "one")


@root_only
@pytest.mark.parametrize("whose", ["home", "above", "link", "link-target"])
def test_what_belongs_to_somebody_else_is_refused(top: Path, whose: str) -> None:
    (top / "above" / "home").mkdir(parents=True)
    (top / "link").symlink_to(top / "above" / "home")
    path = top / "above" / "home" if whose in {"home", "above"} else top / "link"
    given = {"home": path, "above": top / "above", "link": top / "link", "link-target": top / "above" / "home"}[whose]
    os.lchown(given, SOMEBODY, SOMEBODY)
    with pytest.raises(SharedHomeError, match="belongs to the account 4711"):
        home_at(path)


@pytest.mark.parametrize("words", [["runs"], ["status"], ["undo", "last", "--yes"], ["incident", "open", "x"]])
def test_commands_refuse_it_with_exit_status_4(bench: Bench, words: list[str]) -> None:
    home = bench.top / "home"
    home.mkdir(exist_ok=True)
    home.chmod(0o777)
    status, _, err = bench.stopgap(*words)
    assert (status, "can be written to by others" in err) == (4, True)
    assert list(home.iterdir()) == []


def test_a_run_refuses_it_before_anything_is_contacted(bench: Bench) -> None:
    home = bench.top / "home"
    home.mkdir(exist_ok=True)
    home.chmod(0o777)
    step = {"task": "host.file", "with": {"path": str(bench.files / "x"), "content": "x"}}
    for more in ("--yes", "--dry-run"):
        words = ["run", bench.runbook(step), "-i", str(bench.inventory), "-t", "a", more]
        assert bench.stopgap(*words)[0] == 4
    assert not list(bench.files.iterdir())


def test_the_latest_error_files_are_kept_in_the_state_folder(bench: Bench) -> None:
    for number in range(MOST + 5):
        assert keep_details(ValueError(f"number {number}"))
    kept = sorted((bench.top / "home" / "errors").iterdir())
    assert len(kept) == MOST
    assert "number 14" in kept[-1].read_text()
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_an_error_of_its_own_names_the_file_and_shows_no_traceback(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        raise LookupError("of its own")

    monkeypatch.setattr("stopgap.orchestrator.cli.catalogue.tasks", broken)
    assert main(["tasks"]) == 1
    said = capsys.readouterr()
    [kept] = (bench.top / "home" / "errors").iterdir()
    assert str(kept) in said.err
    assert "Traceback" not in said.out + said.err
    assert "Traceback" in kept.read_text()

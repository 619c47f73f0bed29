"""Folders of runs that the journal does not know, as after an older journal.sqlite was put back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.journal import Journal

from .bench import Bench, file
from .forging import edit, only_run, put_aside, put_back


@pytest.fixture
def home(bench: Bench) -> Path:
    return bench.top / "home"


def write(bench: Bench, name: str, *words: str) -> str:
    status, _ = bench.run(bench.runbook(file(bench, name)), "--yes", *words)
    assert status == 0
    return only_run(bench.top / "home")


@pytest.fixture
def lost(bench: Bench, home: Path) -> str:
    """A run of which the folder is there, and the database that is put back knows nothing."""
    write(bench, "before")
    put_aside(home, bench.top / "aside")
    run = write(bench, "after")
    put_back(home, bench.top / "aside")
    return run


def test_a_run_that_the_journal_has_lost_is_told_by_every_list(bench: Bench, home: Path, lost: str) -> None:
    for words in (["runs"], ["status"], ["verify", "last"], ["verify", lost]):
        status, out, _ = bench.stopgap(*words)
        assert status == 1, words
        assert f"stopgap journal import {home}/runs/{lost}" in out, words


def test_the_last_run_is_not_another_while_the_last_one_is_lost(bench: Bench, lost: str) -> None:
    for words in (["undo", "last", "--yes"], ["undo", lost, "--yes"], ["show", lost]):
        status, _, said = bench.stopgap(*words)
        assert status == 2
        assert "stopgap journal import" in said
    assert (bench.files / "before").exists()
    assert (bench.files / "after").exists()


@pytest.mark.parametrize("name", ["last", "nonsense"])
def test_nobody_is_told_of_no_run_while_folders_of_runs_are_there(bench: Bench, home: Path, name: str) -> None:
    write(bench, "only")
    (home / "journal.sqlite").unlink()
    status, _, said = bench.stopgap("undo", name, "--yes")
    assert status == 2
    assert "no run yet" not in said
    assert ("stopgap journal import" in said) == (name == "last")


def test_it_is_brought_in_from_its_folder_and_undone(bench: Bench, home: Path, lost: str) -> None:
    folder = str(home / "runs" / lost)
    status, out, _ = bench.stopgap("journal", "import", folder)
    assert status == 0
    assert f"Undo: stopgap undo {lost}" in out
    assert bench.stopgap("verify", lost)[0] == 0
    assert bench.stopgap("status")[0] == 0
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert not (bench.files / "after").exists()
    assert "0 of its" in bench.stopgap("journal", "import", folder)[1]


def test_it_is_brought_into_another_home_with_all_of_its_folder(
    bench: Bench, home: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = bench.top / "other"
    monkeypatch.setenv("STOPGAP_HOME", str(other))
    assert bench.stopgap("journal", "import", str(home / "runs" / lost))[0] == 0
    assert bench.stopgap("verify", lost)[0] == 0
    assert (other / "runs" / lost / "report.html").is_file()
    assert bench.stopgap("undo", lost, "--yes")[0] == 0
    assert not (bench.files / "after").exists()


def test_what_was_recorded_since_the_copy_is_brought_back_too(bench: Bench, home: Path) -> None:
    run = write(bench, "f")
    put_aside(home, bench.top / "aside")
    assert bench.stopgap("undo", run, "--yes")[0] == 0
    put_back(home, bench.top / "aside")
    assert bench.stopgap("status")[0] == 1
    assert bench.stopgap("undo", run, "--yes")[0] == 4
    assert bench.stopgap("journal", "import", str(home / "runs" / run))[0] == 0
    status, out, _ = bench.stopgap("status")
    assert (status, out) == (0, "Nothing is in force.\n")


@pytest.mark.parametrize("broken", ["flipped", "cut", "empty", "no file", "not as it is written", "another name"])
def test_a_damaged_export_is_not_brought_in(broken: str, bench: Bench, home: Path, lost: str) -> None:
    path = home / "runs" / lost / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    match broken:
        case "flipped":
            path.write_text("".join(lines).replace("/after", "/other"))
        case "cut":
            path.write_text("".join(lines)[:-20])
        case "empty":
            path.write_text("")
        case "no file":
            path.unlink()
        case "not as it is written":
            path.write_text("".join(json.dumps(json.loads(line)) + "\n" for line in lines))
        case _:
            path.write_text("".join(lines).replace(lost, "../../evil"))
    status, out, err = bench.stopgap("journal", "import", str(path.parent))
    assert status in {1, 4}, (out, err)
    assert "Traceback" not in err
    with Journal.open(home) as journal:
        assert lost not in [run.id for run in journal.runs()]


def test_an_export_that_was_signed_is_brought_in_with_its_signature_alone(bench: Bench, home: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", bench.top / "key"], check=True)
    put_before = bench.top / "aside"
    write(bench, "before")
    put_aside(home, put_before)
    run = write(bench, "f", "--sign-key", str(bench.top / "key"))
    edit(home, run, lambda record: record.replace("/f", "/g"), rechained=True)
    put_back(home, put_before)
    folder = str(home / "runs" / run)
    assert bench.stopgap("journal", "import", folder)[0] == 4
    signers = bench.top / "signers"
    signers.write_text(f'kei@noc namespaces="stopgap" {(bench.top / "key.pub").read_text()}')
    assert bench.stopgap("journal", "import", folder, "--signers", str(signers))[0] == 4


def test_other_records_than_the_journal_has_are_not_brought_in(bench: Bench, home: Path) -> None:
    run = write(bench, "f")
    aside = bench.top / "aside"
    shutil.copytree(home / "runs" / run, aside)
    edit(home, run, lambda record: record.replace("/f", "/g"), rechained=True)
    status, _, said = bench.stopgap("journal", "import", str(aside))
    assert status == 4
    assert "other records" in said


def test_a_run_without_its_folder_is_told(bench: Bench, home: Path) -> None:
    run = write(bench, "f")
    shutil.rmtree(home / "runs" / run)
    status, out, _ = bench.stopgap("runs")
    assert status == 1
    assert "its folder" in out


def test_a_run_that_died_before_its_first_record_is_no_lost_one(bench: Bench, home: Path) -> None:
    write(bench, "f")
    folder = home / "runs" / "20991231-2359-aaaa"
    folder.mkdir()
    (folder / "lock").touch()
    assert bench.stopgap("runs")[0] == 0
    assert bench.stopgap("undo", "last", "--yes")[0] == 0


def test_a_run_that_was_killed_and_lost_is_told_though_it_was_never_exported(bench: Bench, home: Path) -> None:
    write(bench, "before")
    put_aside(home, bench.top / "aside")
    run = write(bench, "f")
    for path in (home / "runs" / run).iterdir():
        if path.name != "lock":
            path.unlink()
    put_back(home, bench.top / "aside")
    status, out, _ = bench.stopgap("status")
    assert status == 1
    assert f"run {run}: the journal does not know it" in out

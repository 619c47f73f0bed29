"""Evidence that is encrypted as it comes: nobody here can read it, and its reader can prove what it was."""

import json
import shutil
from pathlib import Path

import pyrage
import pytest

from stopgap.orchestrator.evidence.verify import verify_folder

from .bench import Bench
from .test_custody import new_key

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """The file of a private key, `PATH.pub` beside it."""
    key = pyrage.x25519.Identity.generate()
    path = tmp_path / "reader"
    path.write_text(f"# created: today\n{key}\n")
    Path(f"{path}.pub").write_text(str(key.to_public()))
    return path


def collect(bench: Bench, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, list[dict[str, object]]]:
    from stopgap.tasks.evidence import collect
    from stopgap.tasks.evidence.catalogue import shipped
    from stopgap.tasks.evidence.definition import Definition

    clock: Definition = shipped().artifacts["clock"]
    monkeypatch.setattr(collect.Collect, "plan", lambda *_: iter((_only(clock),)))
    step = {"id": "look", "task": "evidence.collect", "with": {"profile": "volatile"}}
    return bench.run(bench.runbook(step), "--yes", *words)


def _only(definition: object) -> object:
    from stopgap.orchestrator.task import Collection

    return Collection(profile="volatile", artifacts=(definition.artifact(),))  # type: ignore[attr-defined]


@pytest.fixture
def folder(bench: Bench, reader: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A signed collection of one item, encrypted."""
    recipient, key = Path(f"{reader}.pub").read_text(), new_key(tmp_path / "id")
    assert collect(bench, monkeypatch, "--age", recipient, "--sign-key", str(key))[0] == 0
    (found,) = (bench.top / "home" / "runs").glob("*/evidence/a/look")
    return found


def test_nothing_is_kept_in_clear_and_all_of_it_is_verified_without_a_key(bench: Bench, folder: Path) -> None:
    (sealed,) = folder.glob("000-*")
    assert sealed.name == "000-clock.txt.age"
    assert b"Linux" not in sealed.read_bytes()
    assert bench.stopgap("verify", "last")[0] == 0
    sealed.write_bytes(sealed.read_bytes()[:-1] + b"x")
    assert verify_folder(folder) == ["000-clock.txt.age: changed: its SHA-256 is another"]


def test_findings_say_that_they_could_not_look(bench: Bench, folder: Path) -> None:
    found = json.loads((folder / "findings.json").read_text())
    assert found["findings"] == found["no_discrepancy_seen"] == []
    assert {missed["reason"] for missed in found["not_looked"]} <= {"clock is encrypted"}
    _, out, err = bench.stopgap("evidence", "cat", "last", "clock")
    assert out == ""
    assert "a/look is encrypted" in err


def test_its_reader_decrypts_it_beside_the_manifest_that_was_signed(
    bench: Bench, folder: Path, reader: Path, tmp_path: Path
) -> None:
    opened = tmp_path / "opened"
    assert bench.stopgap("evidence", "decrypt", str(folder), "-i", str(reader), "-o", str(opened))[0] == 0
    shutil.rmtree(folder)
    assert bench.stopgap("verify", str(opened), "--signers", f"{tmp_path}/id.signers")[0] == 0
    assert "Linux" in bench.stopgap("evidence", "cat", str(opened), "clock")[1]
    assert bench.stopgap("evidence", "export", str(opened), "-o", str(tmp_path / "a.tar"))[0] == 0
    assert bench.stopgap("verify", str(tmp_path / "a.tar"))[0] == 0
    (opened / "a/look/000-clock.txt").write_text("forged")
    status, out, _ = bench.stopgap("verify", str(opened))
    assert status == 1
    assert "a/look/000-clock.txt: changed" in out


def test_nobody_else_decrypts_it(bench: Bench, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    assert bench.stopgap("evidence", "decrypt", str(folder), "-i", str(other), "-o", str(tmp_path / "x"))[0] == 1
    assert not list((tmp_path / "x").rglob("000-*"))
    other.write_text("no key")
    _, _, err = bench.stopgap("evidence", "decrypt", str(folder), "-i", str(other), "-o", str(tmp_path / "y"))
    assert "holds no private key of age" in err


def test_an_ssh_key_will_do(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = new_key(tmp_path / "kei")
    assert collect(bench, monkeypatch, "--age", Path(f"{key}.pub").read_text().strip())[0] == 0
    assert bench.stopgap("evidence", "decrypt", "last", "-i", str(key), "-o", str(tmp_path / "x"))[0] == 0
    assert "Linux" in (tmp_path / "x/a/look/000-clock.txt").read_text()


def test_a_recipient_that_is_none_stops_a_run_before_it_begins(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert collect(bench, monkeypatch, "--age", "age1nobody") == (2, [])
    assert not (bench.top / "home" / "runs").exists()

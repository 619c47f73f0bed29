"""What vouches for evidence: the signed manifest, and the log of who had it in hand."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.evidence.custody import CustodyError, log_handling
from stopgap.orchestrator.evidence.verify import verify_folder
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled

from .bench import Bench

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


def new_key(path: Path) -> Path:
    """Make a key, and `PATH.signers`, which allows it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "kei", "-f", path], check=True)
    Path(f"{path}.signers").write_text(f"kei@noc {Path(f'{path}.pub').read_text()}")
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path / "id")


@pytest.fixture
def collection(bench: Bench, key: Path) -> Path:
    """The folder of a signed collection: the clock of this machine, and no more."""
    step = {"id": "look", "task": "evidence.collect", "with": {"artifacts": ["clock"]}}
    assert bench.run(bench.runbook(step), "--yes", "--sign-key", str(key))[0] == 0
    (found,) = (bench.top / "home" / "runs").glob("*/evidence/a/look")
    return found


def log(folder: Path) -> list[tuple[str, str]]:
    """What was done and to what, line by line."""
    lines = [json.loads(line)["record"] for line in (folder / "custody.jsonl").read_text().splitlines()]
    return [(line["action"], line["about"]) for line in lines]


def test_the_manifest_is_signed_and_ssh_keygen_alone_can_check_it(bench: Bench, collection: Path, key: Path) -> None:
    for what in ("last", str(collection), str(collection / "manifest.json")):
        assert bench.stopgap("verify", what, "--signers", f"{key}.signers")[0] == 0
    words = ["verify", "-f", f"{key}.signers", "-I", "kei@noc", "-n", "stopgap", "-s", "manifest.json.sig"]
    with (collection / "manifest.json").open("rb") as manifest:
        assert subprocess.run(["ssh-keygen", "-Y", *words], cwd=collection, stdin=manifest).returncode == 0


def test_a_manifest_that_somebody_else_or_nobody_signed_is_told(
    bench: Bench, collection: Path, key: Path, tmp_path: Path
) -> None:
    other = new_key(tmp_path / "other")
    status, out, _ = bench.stopgap("verify", str(collection), "--signers", f"{other}.signers")
    assert status == 1
    assert "manifest.json.sig: by nobody whom" in out
    (collection / "manifest.json.sig").unlink()
    status, out, _ = bench.stopgap("verify", str(collection), "--signers", f"{key}.signers")
    assert status == 1
    assert "manifest.json: not signed, or the signature was removed" in out


def test_a_manifest_rewritten_by_somebody_who_has_no_key_is_found(collection: Path) -> None:
    content = (collection / "manifest.json").read_bytes().replace(b'"host":"a"', b'"host":"b"')
    (collection / "manifest.json").write_bytes(content)
    problems = verify_folder(collection)
    assert any("manifest.json.sig: does not match" in problem for problem in problems)
    assert "custody.jsonl: is of another manifest" in problems


def test_whoever_reads_the_evidence_is_put_on_record(bench: Bench, collection: Path) -> None:
    assert bench.stopgap("evidence", "ls", "last")[0] == 0
    assert bench.stopgap("evidence", "cat", "last", "clock")[0] == 0
    assert bench.stopgap("evidence", "grep", str(collection), "Linux")[0] == 0
    assert log(collection) == [
        ("collected", "custom"),
        ("opened", "ls"),
        ("opened", "cat clock"),
        ("opened", "grep Linux"),
    ]
    assert bench.stopgap("verify", "last")[0] == 0
    _, out, _ = bench.stopgap("evidence", "custody", "last")
    assert [line.split()[-1] for line in out.splitlines()[1:]] == ["custom", "ls", "clock", "Linux"]


def test_a_log_that_was_changed_cut_off_or_taken_away_is_found(bench: Bench, collection: Path) -> None:
    bench.stopgap("evidence", "ls", "last")
    path = collection / "custody.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace('"about":"ls"', '"about":"no"'))
    assert verify_folder(collection) == ["custody.jsonl: record 1: does not match its hash and the record before it"]
    with pytest.raises(CustodyError, match="nothing was added"):
        log_handling(collection, handled())
    path.write_text(whole.splitlines()[0] + "\n")
    assert verify_folder(collection) == []
    status, out, _ = bench.stopgap("verify", "last")
    assert status == 1
    assert "custody.jsonl: lacks what the journal knows: opened by" in out
    path.unlink()
    assert verify_folder(collection) == ["custody.jsonl: missing: nothing says who had it in hand"]


def test_a_folder_that_cannot_be_written_is_read_all_the_same_and_that_is_said(
    bench: Bench, collection: Path
) -> None:
    (collection / "custody.jsonl").unlink()
    (collection / "custody.jsonl").mkdir()
    status, out, err = bench.stopgap("evidence", "ls", str(collection))
    assert status == 0
    assert "000-clock.txt" in out
    assert "not in the custody log" in err


def handled() -> EvidenceHandled:
    return EvidenceHandled(
        action="opened", host="a", folder="evidence/a/look", by="kei@noc", about="ls", manifest_sha256="0" * 64
    )

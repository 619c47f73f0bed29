"""A run's journal signed with the operator's SSH key: what verify finds, and what ssh-keygen alone can check."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.journal.chain import Row, export_line, link

from .bench import Bench

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "kei", "-f", path], check=True)
    return path


@pytest.fixture
def signers(tmp_path: Path, key: Path) -> Path:
    path = tmp_path / "signers"
    path.write_text(f"kei@noc {Path(f'{key}.pub').read_text()}")
    return path


@pytest.fixture
def folder(bench: Bench, key: Path) -> Path:
    """The folder of a run that was signed."""
    step = {"id": "one", "task": "host.file", "with": {"path": str(bench.files / "one"), "content": "new\n"}}
    assert bench.run(bench.runbook(step), "--yes", "--sign-key", str(key))[0] == 0
    (found,) = (bench.top / "home" / "runs").iterdir()
    return found


def verify(bench: Bench, what: str | Path, *words: str) -> tuple[int, str]:
    status, out, _ = bench.stopgap("verify", str(what), *words)
    return status, out


def test_a_signed_run_verifies_by_its_signer_and_by_ssh_keygen_alone(
    bench: Bench, folder: Path, signers: Path
) -> None:
    assert verify(bench, "last")[0] == 0
    assert verify(bench, "last", "--signers", str(signers))[0] == 0
    assert verify(bench, folder, "--signers", str(signers))[0] == 0
    words = ["verify", "-f", str(signers), "-I", "kei@noc", "-n", "stopgap", "-s", "journal.head.sig"]
    with (folder / "journal.head").open("rb") as head:
        assert subprocess.run(["ssh-keygen", "-Y", *words], cwd=folder, stdin=head).returncode == 0
    last = json.loads((folder / "journal.jsonl").read_text().splitlines()[-1])
    assert f"hash {last['hash']}" in (folder / "journal.head").read_text()


def test_another_signer_is_named_as_not_allowed(bench: Bench, folder: Path, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    (tmp_path / "others").write_text(f"eve {(tmp_path / 'other.pub').read_text()}")
    status, out = verify(bench, "last", "--signers", str(tmp_path / "others"))
    assert status == 1
    assert "by nobody whom" in out


def test_a_signature_that_was_removed_is_missed_where_one_must_be(bench: Bench, folder: Path, signers: Path) -> None:
    for name in ("journal.head", "journal.head.sig"):
        (folder / name).unlink()
    assert verify(bench, "last")[0] == 0
    assert verify(bench, "last", "--signers", str(signers))[0] == 1


def _rechained(lines: list[str]) -> str:
    """What a forger writes who computes every hash anew."""
    previous, out = "0" * 64, ""
    for seq, line in enumerate(lines):
        fields = json.loads(line)
        record = json.dumps(fields["record"], sort_keys=True, separators=(",", ":"))
        previous = link(previous, fields["run"], seq, fields["at"], record)
        out += export_line(fields["run"], Row(seq, fields["at"], record, previous)) + "\n"
    return out


@pytest.mark.parametrize("tampering", ["flipped", "deleted", "reordered", "cut off"])
@pytest.mark.parametrize("forged", [False, True])
def test_every_record_flipped_deleted_reordered_or_cut_off_is_found(
    bench: Bench, folder: Path, signers: Path, tmp_path: Path, tampering: str, forged: bool
) -> None:
    lines = (folder / "journal.jsonl").read_text().splitlines()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("journal.head", "journal.head.sig"):
        shutil.copy(folder / name, copy / name)
    for n in range(len(lines)):
        changed = list(lines)
        if tampering == "flipped":
            # Every record names a step, a host or a time; its clock is what all of them have.
            changed[n] = changed[n].replace('"at":"20', '"at":"21', 1)
        elif tampering == "deleted":
            del changed[n]
        elif tampering == "reordered" and n:
            changed[n - 1], changed[n] = changed[n], changed[n - 1]
        elif tampering == "cut off":
            changed = changed[:n]
        if changed == lines:
            continue
        text = _rechained(changed) if forged else "".join(line + "\n" for line in changed)
        (copy / "journal.jsonl").write_text(text)
        assert verify(bench, copy, "--signers", str(signers))[0] == 1, (tampering, n)


def test_an_undo_without_the_key_leaves_the_signature_good_for_what_it_covers(
    bench: Bench, folder: Path, signers: Path
) -> None:
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert verify(bench, "last", "--signers", str(signers))[0] == 0
    assert (folder / "journal.head").read_text().split()[5] != str(
        len((folder / "journal.jsonl").read_text().splitlines()) - 1
    )


def test_a_key_that_is_not_there_stops_everything_and_one_that_cannot_sign_is_said_so(
    bench: Bench, tmp_path: Path
) -> None:
    step = {"id": "one", "task": "host.file", "with": {"path": str(bench.files / "one"), "content": "new\n"}}
    status, _, err = bench.stopgap(
        "run", bench.runbook(step), "-i", str(bench.inventory), "-t", "a", "--yes", "--sign-key", "/none"
    )
    assert (status, list(bench.files.iterdir())) == (2, [])
    assert "/none" in err
    path = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret-words", "-f", path], check=True)
    status, _, err = bench.stopgap(
        "run", bench.runbook(step), "-i", str(bench.inventory), "-t", "a", "--yes", "--sign-key", str(path)
    )
    assert status == 1
    assert "not signed" in err
    assert (bench.files / "one").exists()

"""Evidence as it arrives, what is kept of it, and what a later look finds changed."""

import hashlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stopgap.orchestrator.evidence.closing import EvidenceError
from stopgap.orchestrator.evidence.custody import log_handling, read_log
from stopgap.orchestrator.evidence.files import FolderFiles
from stopgap.orchestrator.evidence.manifest import Manifest
from stopgap.orchestrator.evidence.store import EvidenceStore, Origin, Quota
from stopgap.orchestrator.evidence.verify import verify_folder, verify_run
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import EvidenceKept, RunStarted
from stopgap.orchestrator.task import Artifact, Collection

WEB = Host(name="web", address="203.0.113.10")
ORIGIN = Origin("20261123-0113-k3f9", "volatile", "web", WEB, "SHA256:abc", "kei@noc")
GIB = 1 << 30


def artifact(name: str, *, cap: int = GIB, suffix: str = "txt") -> Artifact:
    return Artifact(id=name, about=f"the {name}", script=f"cat /{name}", cap=cap, suffix=suffix)


def collection(*artifacts: Artifact) -> Collection:
    return Collection(profile="volatile", artifacts=artifacts)


THREE = collection(artifact("clock"), artifact("ps"), artifact("logs", suffix="tar.gz"))


def end(status: int | None = 0, *, stderr: bytes = b"", truncated: bool = False, ran: bool = True) -> Output:
    return Output(HostText(b""), HostText(stderr), status, truncated=truncated, ran=ran)


def collected(folder: Path, *contents: bytes) -> EvidenceStore:
    """Three artifacts that came whole, not closed."""
    store = EvidenceStore(folder, ORIGIN, THREE, Quota())
    for index, content in enumerate(contents):
        for start in range(0, len(content), 5):
            store.data(index, content[start : start + 5])
        store.ended(index, end())
    return store


def manifest(store: EvidenceStore) -> Manifest:
    return Manifest.model_validate_json((store.folder / "manifest.json").read_bytes())


def test_an_artifact_may_begin_to_arrive_before_the_one_ahead_of_it_has_ended(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path, ORIGIN, THREE, Quota())
    store.data(0, b"one")
    store.data(1, b"tw")
    store.ended(0, end())
    store.data(1, b"o")
    store.ended(1, end())
    store.ended(2, end())
    store.close()
    assert [(item.bytes, item.truncated) for item in manifest(store).items] == [(3, False), (3, False), (0, False)]
    assert verify_folder(store.folder) == []


def test_each_artifact_becomes_a_file_named_here_private_and_hashed(tmp_path: Path) -> None:
    contents = (b"1763860000 x\n", b"", b"\x1f\x8b\0\xff binary")
    store = collected(tmp_path, *contents)
    kept = store.close()
    assert store.folder == tmp_path / "evidence" / "web" / "volatile"
    names = ["000-clock.txt", "001-ps.txt", "002-logs.tar.gz"]
    assert [(store.folder / name).read_bytes() for name in names] == list(contents)
    assert sorted(p.name for p in store.folder.iterdir()) == [
        *names,
        "arrived.jsonl",
        "custody.jsonl",
        "manifest.json",
    ]
    assert {stat.S_IMODE(p.stat().st_mode) for p in store.folder.iterdir()} == {0o600}
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert [item.sha256 for item in manifest(store).items] == [hashlib.sha256(c).hexdigest() for c in contents]
    assert (kept.items, kept.size, kept.folder) == (3, sum(map(len, contents)), "evidence/web/volatile")
    assert kept.manifest_sha256 == hashlib.sha256((store.folder / "manifest.json").read_bytes()).hexdigest()
    assert verify_folder(store.folder) == []


def test_the_manifest_says_who_asked_which_host_for_what_and_when(tmp_path: Path) -> None:
    moments = iter(datetime(2026, 11, 23, 1, 0, tzinfo=UTC) + timedelta(seconds=n) for n in range(99))
    store = EvidenceStore(tmp_path, ORIGIN, collection(artifact("ps")), Quota(), clock=lambda: next(moments))
    store.data(0, b"x")
    store.ended(0, end(3, stderr=b"ps: \x1b]0;owned\x07 no\n"))
    store.close()
    seen = manifest(store)
    assert (seen.run, seen.step, seen.host, seen.address) == (ORIGIN.run, "volatile", "web", "203.0.113.10")
    assert (seen.host_key, seen.operator, seen.profile) == ("SHA256:abc", "kei@noc", "volatile")
    (item,) = seen.items
    assert (item.command, item.exit_status, item.ran, item.truncated) == ("cat /ps", 3, True, False)
    assert item.stderr == "ps: \\x1b]0;owned\\x07 no\n"
    assert (item.started, item.ended) == ("2026-11-23T01:00:00.000000Z", "2026-11-23T01:00:01.000000Z")
    raw = (store.folder / "manifest.json").read_bytes()
    assert raw == (json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":")) + "\n").encode()


def test_what_is_longer_than_its_cap_is_cut_and_marked_and_the_next_is_whole(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path, ORIGIN, collection(artifact("big", cap=10), artifact("next")), Quota())
    for chunk in (b"12345678", b"9abcdef", b"more"):
        store.data(0, chunk)
    store.ended(0, end())
    store.data(1, b"whole")
    store.ended(1, end())
    store.close()
    assert (store.folder / "000-big.txt").read_bytes() == b"123456789a"
    assert [(i.truncated, i.truncated_because) for i in manifest(store).items] == [
        (True, "longer than 10 bytes"),
        (False, ""),
    ]
    assert verify_folder(store.folder) == []


def test_a_run_keeps_no_more_than_its_quota_over_all_hosts(tmp_path: Path) -> None:
    quota = Quota(8)
    first = EvidenceStore(tmp_path, ORIGIN, collection(artifact("a")), quota)
    second = EvidenceStore(tmp_path, ORIGIN, collection(artifact("b")), quota)
    first.data(0, b"12345")
    second.data(0, b"67890")
    assert (first.close().size, second.close().size) == (5, 3)
    assert manifest(second).items[0].truncated_because == "the run's quota is used up"


def test_what_broke_off_is_kept_with_an_unknown_end(tmp_path: Path) -> None:
    store = collected(tmp_path, b"1763860000\n")
    store.data(1, b"half a li")
    kept = store.close()
    first, second, third = manifest(store).items
    assert (first.exit_status, first.truncated) == (0, False)
    assert (second.exit_status, second.truncated, second.ran, second.bytes) == (None, True, True, 9)
    assert (third.ran, third.file, third.exit_status) == (False, None, None)
    assert (store.folder / "001-ps.txt").read_bytes() == b"half a li"
    assert kept.items == 2
    assert verify_folder(store.folder) == []


def test_a_repeated_step_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    assert [collected(tmp_path).folder.name for _ in range(3)] == ["volatile", "volatile.2", "volatile.3"]


def test_a_disk_that_gives_back_other_bytes_is_found_before_anybody_relies_on_them(tmp_path: Path) -> None:
    store = collected(tmp_path, b"one", b"second", b"three")
    (store.folder / "001-ps.txt").write_bytes(b"secord")
    with pytest.raises(EvidenceError, match=r"001-ps\.txt: what lies on disk is not what arrived"):
        store.close()


@pytest.mark.parametrize("name", ["..", "a/b", "", "."])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    origin = Origin("r", name, "web", WEB, None, "kei@noc")
    with pytest.raises(ValueError, match="cannot name"):
        EvidenceStore(tmp_path, origin, THREE, Quota())


@pytest.mark.parametrize("name", ["../x", "A", "a b", "-a", ""])
def test_an_artifact_that_cannot_name_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        EvidenceStore(tmp_path, ORIGIN, collection(artifact(name)), Quota())


@pytest.mark.parametrize(
    ("said", "skew"),
    [
        (b"1763860123.5 Sun\n", 123.5),
        (b"1763859990\n", -10.0),
        (b"", None),
        (b"99999999999999999999\n", None),
        (b"nan\n", None),
    ],
)
def test_the_skew_is_the_hosts_clock_against_ours(tmp_path: Path, said: bytes, skew: float | None) -> None:
    now = datetime.fromtimestamp(1763860000, UTC)
    store = EvidenceStore(tmp_path, ORIGIN, collection(artifact("clock")), Quota(), clock=lambda: now)
    store.data(0, said)
    store.ended(0, end())
    store.close()
    assert manifest(store).clock_skew == skew


def test_a_file_that_lies_in_the_way_is_not_followed(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path, ORIGIN, THREE, Quota())
    (tmp_path / "precious").write_text("mine")
    (store.folder / "000-clock.txt").symlink_to(tmp_path / "precious")
    store.data(0, b"overwritten")
    store.ended(0, end())
    store.close()
    assert (tmp_path / "precious").read_text() == "mine"
    assert manifest(store).items[0].truncated_because.startswith("the controller could not keep it")


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes())) and None


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


TAMPERINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bit flipped": (edit("001-ps.txt", flip), "001-ps.txt: changed: its SHA-256"),
    "cut short": (edit("001-ps.txt", lambda data: data[:-1]), "001-ps.txt: changed: 5 bytes, 6 were"),
    "removed": (lambda folder: (folder / "001-ps.txt").unlink(), "001-ps.txt: missing"),
    "added": (lambda folder: (folder / "new\x1b").write_text(""), "new\x1b: extra"),
    "a pipe": (
        lambda folder: ((folder / "001-ps.txt").unlink(), os.mkfifo(folder / "001-ps.txt")),
        "001-ps.txt: no ordinary file",
    ),
    "a link": (
        lambda folder: ((folder / "001-ps.txt").unlink(), (folder / "001-ps.txt").symlink_to("/etc/passwd")),
        "001-ps.txt: cannot be read",
    ),
    "manifest cut": (edit("manifest.json", lambda data: data[:-20]), "manifest.json: damaged"),
    "manifest spaced": (edit("manifest.json", lambda data: data + b" "), "manifest.json: changed"),
    "manifest emptied": (edit("manifest.json", lambda data: b"[]\n"), "manifest.json: damaged"),
    "manifest deep": (edit("manifest.json", lambda data: b"[" * 100_000), "manifest.json: damaged"),
    "manifest names a path": (
        edit("manifest.json", lambda data: data.replace(b"001-ps.txt", b"../../etc/passwd")),
        "manifest.json: damaged",
    ),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_what_was_changed_is_named_in_a_folder_alone(tmp_path: Path, how: str) -> None:
    store = collected(tmp_path, b"one", b"second", b"three")
    store.close()
    moved = Path(shutil.copytree(store.folder, tmp_path / "elsewhere", symlinks=True))
    tamper, expected = TAMPERINGS[how]
    tamper(moved)
    assert any(problem.startswith(expected) for problem in verify_folder(moved)), verify_folder(moved)
    assert verify_folder(store.folder) == []


def test_pages_of_zeros_in_memory_take_no_place_on_the_disk_and_are_hashed_as_they_are(tmp_path: Path) -> None:
    store = EvidenceStore(
        tmp_path, ORIGIN, collection(artifact("memory").model_copy(update={"apart": True})), Quota()
    )
    pages = [b"x" * 5000, bytes(1 << 20), b"y" * 5000, bytes(1 << 20)]
    for page in pages:
        store.data(0, page)
    store.ended(0, Output(HostText(b""), HostText(b""), 0))
    store.close()
    (item,) = manifest(store).items
    path = store.folder / str(item.file)
    assert path.read_bytes() == b"".join(pages)
    assert (item.bytes, item.sha256) == (len(path.read_bytes()), hashlib.sha256(path.read_bytes()).hexdigest())
    assert path.stat().st_blocks * 512 < 200_000
    assert verify_folder(store.folder) == []


def test_a_folder_without_a_manifest_is_a_problem_and_one_above_several_checks_them_all(tmp_path: Path) -> None:
    assert verify_folder(tmp_path / "none") == [f"{tmp_path}/none: no such folder"]
    assert verify_folder(tmp_path) == [f"{tmp_path}: holds no manifest"]
    first, second = collected(tmp_path, b"a", b"b", b"c"), collected(tmp_path, b"a", b"b", b"c")
    first.close(), second.close()
    assert verify_folder(tmp_path) == []
    (second.folder / "002-logs.tar.gz").write_bytes(b"d")
    (problem,) = verify_folder(tmp_path)
    assert problem.startswith("evidence/web/volatile.2/002-logs.tar.gz: changed")


@pytest.fixture
def run(tmp_path: Path) -> tuple[Journal, str, EvidenceStore]:
    """A run with one collection, on record."""
    journal = Journal.open(tmp_path)
    started = RunStarted(
        version="0.1.0",
        runbook_name="Collect",
        runbook_path="collect.yaml",
        runbook_text="",
        inventory_path="lab.yaml",
        inventory_text="",
        hosts=(WEB,),
        targets=("web",),
        params={},
        operator="kei@noc",
    )
    name = journal.begin(started)
    store = collected(journal.run_folder(name), b"one", b"second", b"three")
    journal.append(name, store.close())
    return journal, name, store


def test_a_run_is_verified_from_its_chain_to_its_last_byte(run: tuple[Journal, str, EvidenceStore]) -> None:
    journal, name, store = run
    journal.export(name)
    assert verify_run(journal, name) == []
    (store.folder / "002-logs.tar.gz").write_bytes(b"threE")
    (problem,) = verify_run(journal, name)
    assert problem == "evidence/web/volatile/002-logs.tar.gz: changed: its SHA-256 is another"


def test_a_manifest_rewritten_to_match_is_found_by_the_journal(run: tuple[Journal, str, EvidenceStore]) -> None:
    journal, name, store = run
    file, listing = store.folder / "001-ps.txt", store.folder / "manifest.json"
    old = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(b"forged")
    listing.write_text(listing.read_text().replace(old, hashlib.sha256(b"forged").hexdigest()))
    assert verify_folder(store.folder) == ["custody.jsonl: is of another manifest"]
    (first,) = [record for _, record in read_log(FolderFiles(store.folder))]
    (store.folder / "custody.jsonl").unlink()
    log_handling(
        store.folder,
        first.model_copy(update={"manifest_sha256": hashlib.sha256(listing.read_bytes()).hexdigest()}),
    )
    assert verify_folder(store.folder) == []
    (problem,) = verify_run(journal, name)
    assert problem.startswith("evidence/web/volatile/manifest.json: changed; it is not the one")


def test_evidence_that_another_machine_collected_is_told_with_the_machine_that_has_it(
    run: tuple[Journal, str, EvidenceStore],
) -> None:
    journal, name, _ = run
    kept = next(e.record for e in journal.records(name) if isinstance(e.record, EvidenceKept))
    there = kept.model_copy(update={"folder": "evidence/web/there", "by": "kei@noc-b"})
    journal.append(name, there)
    (told,) = verify_run(journal, name)
    assert told.startswith("evidence/web/there: not on this machine, and not verified; kei@noc-b collected it: ")
    assert f"stopgap verify {name} there, or stopgap evidence fetch {name} --from sftp:" in told
    here = there.model_copy(update={"folder": "evidence/web/here", "by": f"kei@{socket.gethostname()}"})
    journal.append(name, here)
    assert "evidence/web/here/manifest.json: missing, and the journal knows it" in verify_run(journal, name)


def test_evidence_that_is_gone_or_that_the_journal_does_not_know_is_found(
    run: tuple[Journal, str, EvidenceStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, name, store = run
    monkeypatch.setattr(socket, "gethostname", lambda: ORIGIN.operator.partition("@")[2])
    broken_off = EvidenceStore(journal.run_folder(name), ORIGIN, THREE, Quota())
    broken_off.data(0, b"x")
    assert verify_run(journal, name) == [
        f"evidence/web/volatile.2: broken off, not in the journal yet: `stopgap resume {name}` closes it, and goes on"
    ]
    (broken_off.folder / "arrived.jsonl").unlink()
    assert verify_run(journal, name) == [
        "evidence/web/volatile.2: not in the journal: broken off, or put there by somebody else"
    ]
    shutil.rmtree(broken_off.folder)
    shutil.rmtree(store.folder)
    assert verify_run(journal, name) == ["evidence/web/volatile/manifest.json: missing, and the journal knows it"]
    assert any(isinstance(entry.record, EvidenceKept) for entry in journal.records(name))


ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from stopgap.orchestrator.evidence.store import EvidenceStore, Origin, Quota
from stopgap.orchestrator.evidence.verify import verify_folder
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.task import Artifact, Collection
artifacts = tuple(Artifact(id=name, about="", script="true") for name in ("small", "large", "after"))
origin = Origin("r", "s", "web", Host(name="web", address="203.0.113.10"), None, "kei@noc")
store = EvidenceStore(Path(sys.argv[1]), origin, Collection(profile="x", artifacts=artifacts), Quota())
for index, size in enumerate((10, 5_000_000, 10)):
    for _ in range(0, size, 100_000):
        store.data(index, b"x" * min(size, 100_000))
    store.ended(index, Output(HostText(b""), HostText(b""), 0))
    if index == 1:
        (Path(sys.argv[1]) / "ballast").unlink()
store.close()
print(verify_folder(store.folder), (store.folder / "manifest.json").read_text())
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root to mount a small disk")
def test_a_full_disk_cuts_one_artifact_and_keeps_the_others(tmp_path: Path) -> None:
    script = (
        f"mount -t tmpfs -o size=2m none {tmp_path} && head -c 500000 /dev/zero >{tmp_path}/ballast"
        f' && exec "$0" -c "$1" {tmp_path}'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, sys.executable, ON_A_SMALL_DISK],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[] ")
    items = json.loads(done.stdout[3:])["items"]
    assert [item["truncated"] for item in items] == [False, True, False]
    assert "No space left" in items[1]["truncated_because"]

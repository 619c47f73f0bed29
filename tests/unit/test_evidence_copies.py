"""Evidence in a store for several machines: copied once sealed, compared, fetched elsewhere, and never believed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.evidence import storing
from stopgap.orchestrator.evidence.delivery.folder import FolderStore
from stopgap.orchestrator.evidence.delivery.place import FolderPlace, S3Place, place_of
from stopgap.orchestrator.evidence.delivery.s3 import client
from stopgap.orchestrator.journal import open_journal
from stopgap.orchestrator.journal.evidence_records import EvidenceStored

from .bench import Bench
from .journals import Journals
from .ssh_server import needs_sshd, serving

CLOCK = {"id": "look", "task": "evidence.collect", "with": {"artifacts": ["clock"]}}


class Machines:
    """Several state folders of one team; `one` collects."""

    def __init__(self, bench: Bench, patch: pytest.MonkeyPatch, store: str) -> None:
        self.bench, self._patch, self.store = bench, patch, store
        self.names_store(store)

    def names_store(self, url: str) -> None:
        (self.at("one") / "evidence.yaml").write_text(f"store: {url}\n")

    def at(self, name: str) -> Path:
        home = self.bench.top / name
        home.mkdir(mode=0o700, exist_ok=True)
        self._patch.setenv("STOPGAP_HOME", str(home))
        return home

    def collect(self, *words: str) -> str:
        """Run a collection on machine `one`, and return what was said on standard error."""
        self.at("one")
        argv = [
            "run",
            self.bench.runbook(CLOCK),
            "-i",
            str(self.bench.inventory),
            "-t",
            "a",
            "--json",
            "--yes",
            *words,
        ]
        status, _, err = self.bench.stopgap(*argv)
        assert status == 0, err
        return err

    def folder(self, name: str) -> Path:
        """The collection on a machine; a path that is not there without one."""
        found = list((self.bench.top / name / "runs").glob("*/evidence/a/look"))
        return found[0] if found else self.bench.top / name / "none"

    def copied(self) -> Path:
        """The collection in a store that is a folder."""
        (found,) = (self.bench.top / "store").glob("*/a/look")
        return found

    def waiting(self) -> list[dict[str, Any]]:
        self.at("one")
        found: list[dict[str, Any]] = json.loads(self.bench.stopgap("status", "--offline", "--json")[1])["not_stored"]
        return found


@pytest.fixture
def machines(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Machines:
    return Machines(bench, monkeypatch, (bench.top / "store").as_uri())


@pytest.fixture
def several(machines: Machines, team: Journals, monkeypatch: pytest.MonkeyPatch) -> Machines:
    assert team.cluster
    monkeypatch.setenv("STOPGAP_JOURNAL", team.cluster.url())
    return machines


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "imitated")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        found = client()
        found.create_bucket(Bucket="evidence")
        yield found


def actions(folder: Path) -> list[str]:
    """What was done with a copy, by its custody log."""
    return [json.loads(line)["record"]["action"] for line in (folder / "custody.jsonl").read_text().splitlines()]


def test_another_machine_reads_and_verifies_what_it_fetches_and_each_copy_has_its_own_log(several: Machines) -> None:
    bench = several.bench
    said = several.collect()
    assert "Stored and read back: 1 collection" in said and "Not encrypted" in said
    assert {path.name for path in several.folder("one").iterdir()} == {
        path.name for path in several.copied().iterdir()
    }
    several.at("two")
    status, out, err = bench.stopgap("evidence", "cat", "last", "clock")
    assert (status, "fetched from file:///" in err, "each as the journal has it" in err) == (0, True, True)
    assert out
    assert bench.stopgap("evidence", "findings", "last")[0] == 0
    several.at("one")
    assert bench.stopgap("evidence", "ls", "last")[0] == 0
    for name in ("one", "two"):
        several.at(name)
        assert bench.stopgap("verify", "last")[:2] == (0, bench.stopgap("verify", "last")[1]), name
    assert actions(several.folder("one")) == ["collected", "opened"]
    assert actions(several.folder("two")) == ["collected", "fetched", "opened", "opened"]
    log = several.folder("two") / "custody.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    several.at("two")
    status, out, _ = bench.stopgap("verify", "last")
    assert (status, "custody.jsonl: lacks what the journal knows: opened" in out) == (1, True)


@pytest.mark.parametrize("name", ["000-clock.txt", "manifest.json", "custody.jsonl", "findings.json"])
def test_what_a_store_has_altered_is_not_put_in_place(several: Machines, name: str) -> None:
    several.collect()
    path = several.copied() / name
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"e", b"E"))
    several.at("two")
    status, out, err = several.bench.stopgap("evidence", "cat", "last", "clock")
    assert (status, out) == (1, "")
    assert f"{name}: what came is not what was collected" in err
    assert not several.folder("two").exists()
    status, out, _ = several.bench.stopgap("verify", "last")
    assert status == 1 and "not on this machine, and not verified; a copy is in file:///" in out
    path.write_bytes(whole)
    assert several.bench.stopgap("evidence", "fetch", "last")[0] == 0
    assert several.bench.stopgap("verify", "last")[0] == 0


def test_a_store_that_is_away_holds_up_no_run_and_gets_the_evidence_later(machines: Machines) -> None:
    bench = machines.bench
    machines.names_store("file:///proc/none/evidence")
    events = bench.top / "events.jsonl"
    (machines.at("one") / "sinks.yaml").write_text(f"sinks: {{archive: {{kind: file, path: {events}}}}}\n")
    assert "Not in the store: file:///proc/none" in machines.collect()
    (waits,) = machines.waiting()
    assert "file:///proc/none/evidence" in waits["reason"]
    assert "`stopgap evidence store` tries again" in bench.stopgap("status", "--offline")[1]
    assert "evidence of it is not in the store yet" in bench.stopgap("prune", "--older", "1ms", "--dry-run")[1]
    assert bench.stopgap("evidence", "store")[0] == 1
    machines.names_store(machines.store)
    status, out, _ = bench.stopgap("evidence", "store", "--json")
    assert (status, len(json.loads(out)["runs"][0]["copies"]), machines.waiting()) == (0, 1, [])
    assert bench.stopgap("evidence", "store")[:2] == (0, "No evidence waits for a store.\n")
    with open_journal() as journal:
        run = journal.resolve("last")
        (stored,) = [e.record for e in journal.of_run(run, "evidence-stored") if isinstance(e.record, EvidenceStored)]
    assert stored.url.endswith(f"/store/{run}/a/look")
    assert bench.stopgap("evidence", "store", "last")[0] == 0, "what is there is not copied again"
    assert bench.stopgap("evidence", "ls", "last")[0] == 0
    told = [json.loads(line)["event"] for line in events.read_text().splitlines()]
    assert told[-3:] == ["run-finished", "evidence-stored", "evidence-handled"]


def test_a_copy_that_was_cut_off_goes_on_and_the_manifest_comes_last(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    new = FolderPlace.new

    def cut_at_the_manifest(place: FolderPlace, name: str) -> FolderStore:
        begun.append(name)
        if name == "manifest.json":
            raise KeyboardInterrupt
        return new(place, name)

    monkeypatch.setattr(FolderPlace, "new", cut_at_the_manifest)
    assert "waits: stopgap evidence store" in machines.collect()
    assert begun[-1] == "manifest.json" and not (machines.copied() / "manifest.json").exists()
    monkeypatch.setattr(FolderPlace, "new", lambda place, name: (begun.append(f"again {name}"), new(place, name))[1])
    (machines.copied() / "000-clock.txt").rename(machines.copied() / "000-clock.txt.part")
    assert machines.bench.stopgap("evidence", "ls", "last")[0] == 0  # the custody log here has gone on since
    assert machines.bench.stopgap("evidence", "store")[0] == 0
    assert [name for name in begun if name.startswith("again")] == ["again 000-clock.txt", "again manifest.json"]
    assert {path.name for path in machines.copied().iterdir()} == {
        path.name for path in machines.folder("one").iterdir()
    }


def test_what_was_altered_here_or_lies_there_already_is_no_copy(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.names_store("file:///proc/none")
    machines.collect()
    machines.names_store(machines.store)
    item = machines.folder("one") / "000-clock.txt"
    whole = item.read_bytes()
    item.write_bytes(whole + b"x")
    status, out, _ = machines.bench.stopgap("evidence", "store")
    assert (status, "evidence/a/look/000-clock.txt: changed: its SHA-256 is another" in out) == (1, True)
    assert list(machines.copied().iterdir()) == []
    item.write_bytes(whole)
    (machines.copied() / "000-clock.txt").write_bytes(b"another")
    status, out, _ = machines.bench.stopgap("evidence", "store")
    assert (status, "000-clock.txt: is there, and is another file" in out) == (1, True)
    (machines.copied() / "000-clock.txt").unlink()
    monkeypatch.setattr(FolderStore, "read_back", lambda _: iter([b"what a bad disk gives"]))
    status, out, _ = machines.bench.stopgap("evidence", "store")
    assert (status, "others came back" in out, list(machines.copied().iterdir())) == (1, True, [])


def test_encrypted_evidence_goes_to_s3_as_it_is_and_comes_back(several: Machines, bucket: Any) -> None:
    pyrage = pytest.importorskip("pyrage")
    several.names_store("s3://evidence/noc")
    said = several.collect("--age", str(pyrage.x25519.Identity.generate().to_public()))
    assert "Stored and read back" in said and "Not encrypted" not in said
    keys = [each["Key"] for each in bucket.list_objects_v2(Bucket="evidence")["Contents"]]
    (sealed,) = [key for key in keys if key.endswith(".txt.age")]
    body = bucket.get_object(Bucket="evidence", Key=sealed)["Body"].read()
    assert body.startswith(b"age-encryption.org/v1")
    several.at("two")
    status, out, err = several.bench.stopgap("verify", "last")
    assert (status, "fetched from s3://evidence/noc/" in err) == (0, True), out
    assert (several.folder("two") / "000-clock.txt.age").read_bytes() == body


def test_parts_of_an_object_whose_process_died_are_removed(bucket: Any) -> None:
    bucket.create_multipart_upload(Bucket="evidence", Key="noc/R/a/look/010-memory.lime")
    bucket.create_multipart_upload(Bucket="evidence", Key="elsewhere")
    S3Place("evidence", "noc/R/a/look/").tidy()
    left = bucket.list_multipart_uploads(Bucket="evidence")["Uploads"]
    assert [each["Key"] for each in left] == ["elsewhere"]


@needs_sshd
def test_evidence_that_no_store_has_is_fetched_from_the_machine_itself(
    several: Machines, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (several.at("one") / "evidence.yaml").unlink()
    several.collect()
    with serving(tmp_path_factory.mktemp("sshd"), "Subsystem sftp internal-sftp") as server:
        host = server.host()
        (several.bench.top / "team.yaml").write_text(
            f"hosts:\n  noc-a: {{address: 127.0.0.1, port: {host.port}, user: {host.user}, "
            f"identity: {host.identity}, known_hosts: {host.known_hosts}}}\n"
        )
        several.at("two")
        words = ["evidence", "fetch", "last", "-i", str(several.bench.top / "team.yaml"), "--json", "--from"]
        assert several.bench.stopgap(*words, f"sftp://noc-a{several.bench.top}/elsewhere")[0] == 1
        status, out, _ = several.bench.stopgap(*words, f"sftp://noc-a{several.bench.top / 'one'}")
    assert (status, json.loads(out)["not_here"]) == (0, [])
    assert actions(several.folder("two")) == ["collected", "fetched"]
    assert several.bench.stopgap("verify", "last")[0] == 0


def test_a_record_that_leads_out_of_the_runs_folder_is_refused() -> None:
    for folder in ("evidence/../x", "evidence/a", "/etc/a/b", "evidence/a/../../b", "runs/a/b"):
        with pytest.raises(storing.StoringError):
            storing.parts_of(folder)


@pytest.mark.parametrize(
    "url",
    [
        "s3://KEY:hunter2@evidence/x",
        "file://server/x",
        "file:///",
        "file:///a/../b",
        "sftp://noc/x",
        "/mnt/x",
        "s3://X",
    ],
)
def test_another_store_is_refused_and_no_password_repeated(machines: Machines, url: str) -> None:
    with pytest.raises(UsageError) as refused:
        place_of(url, "store")
    assert "hunter2" not in str(refused.value)
    machines.names_store(url)
    said = machines.collect()
    assert f"{os.environ['STOPGAP_HOME']}/evidence.yaml:1" in said and "hunter2" not in said

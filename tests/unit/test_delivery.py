"""Evidence straight to a server with SFTP, and to S3: whole and read back, or nothing is left there."""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.evidence.delivery.destination import S3Prefix, SftpFolder, destination
from stopgap.orchestrator.evidence.delivery.s3 import S3Store
from stopgap.orchestrator.evidence.delivery.sftp import SftpStore
from stopgap.orchestrator.evidence.delivery.stream import Delivered, DeliveryError, delivering
from stopgap.orchestrator.evidence.packed import verify_archive
from stopgap.orchestrator.remote.connect import connected_sftp

from .collection import begin_custody, collected
from .ssh_server import Server, needs_sshd, serving

ITEMS: dict[str, Any] = {
    "configuration": {"/etc/passwd": "root:x:0:0::/root:/bin/bash\n"},
    "cron": {"/etc/crontab": "x\n"},
}
PIECE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("sshd"), "Subsystem sftp internal-sftp") as running:
        yield running


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    made = collected(tmp_path / "web" / "triage", ITEMS)
    begin_custody(made)
    return made.folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "kept elsewhere"
    made.mkdir()
    return made


@pytest.fixture
def inventory(server: Server, tmp_path: Path) -> str:
    host = server.host()
    path = tmp_path / "hosts.yaml"
    path.write_text(
        f"hosts:\n  store: {{address: 127.0.0.1, port: {host.port}, user: {host.user}, identity: {host.identity}, "
        f"known_hosts: {host.known_hosts}}}\n"
    )
    return str(path)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "imitated")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="evidence")
        yield client


def objects(client: Any) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket="evidence").get("Contents", [])]


def uploads(client: Any) -> list[Any]:
    return list(client.list_multipart_uploads(Bucket="evidence").get("Uploads", []))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sftp://store/cases", SftpFolder("store", "/cases")),
        ("sftp://a@[2001:db8::1]:2222/~/cases/x", SftpFolder("2001:db8::1", "cases/x", "a", 2222)),
        ("s3://evidence", S3Prefix("evidence", "")),
        ("s3://evidence/2026/web/", S3Prefix("evidence", "2026/web/")),
    ],
)
def test_a_destination_is_read_and_written_alike(url: str, expected: SftpFolder | S3Prefix) -> None:
    assert destination(url) == expected
    assert destination(expected.url("a.tar").removesuffix("/a.tar") or "/") == expected


@pytest.mark.parametrize(
    "url",
    [
        "sftp://a:hunter2@store/x", "s3://KEY:hunter2@evidence/x", "https://store/x", "sftp:///x", "s3://No_Bucket/x",
        "sftp://store/a/../b", "sftp://store/a%1b[2J", "s3://evidence/x?y", "sftp://store:port/x", "store:/x",
    ],
)  # fmt: skip
def test_another_destination_is_refused_and_no_password_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        destination(url)
    assert "hunter2" not in str(refused.value)


@needs_sshd
def test_an_archive_arrives_by_sftp_and_verifies_there(
    evidence: Path, folder: Path, inventory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evidence", "export", str(evidence), "--to", f"sftp://store{folder}", "-i", inventory, "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    [archive] = folder.iterdir()
    assert told["path"].endswith(f"/{archive.name}") and archive.name.endswith("-web.tar")
    assert told["delivered"]["bytes"] == archive.stat().st_size
    assert not told["encrypted"]
    assert archive.stat().st_mode & 0o777 == 0o600
    assert verify_archive(archive, None) == []
    about = json.loads((evidence / "custody.jsonl").read_text().splitlines()[-1])["record"]["about"]
    assert about == told["path"]


@needs_sshd
def test_what_leaves_encrypted_is_nowhere_in_clear_and_what_does_not_is_told(
    evidence: Path, folder: Path, inventory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    words = ["evidence", "export", str(evidence), "--to", f"sftp://store{folder}", "-i", inventory]
    assert main([*words, "--age", str(identity.to_public())]) == 0
    assert "Not encrypted" not in capsys.readouterr().out
    [sealed] = folder.iterdir()
    assert sealed.name.endswith("-web.tar.age")
    (folder / "web.tar").write_bytes(pyrage.decrypt(sealed.read_bytes(), [identity]))
    assert verify_archive(folder / "web.tar", None) == []
    assert main(words) == 0
    assert "Not encrypted" in capsys.readouterr().out


@needs_sshd
def test_a_name_that_is_taken_and_a_folder_that_is_not_there_are_left_alone(
    evidence: Path, folder: Path, inventory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evidence", "export", str(evidence), "-i", inventory, "--to"]
    assert main([*words, f"sftp://store{folder}"]) == 0
    [archive] = folder.iterdir()
    first = archive.read_bytes()
    assert main([*words, f"sftp://store{folder}"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main([*words, f"sftp://store{folder}/none"]) == 1
    assert [(each, each.read_bytes()) for each in folder.iterdir()] == [(archive, first)]


@needs_sshd
def test_evidence_does_not_go_to_the_host_that_it_is_of(
    evidence: Path, folder: Path, inventory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(inventory)
    path.write_text(path.read_text().replace("store:", "web:"))
    assert main(["evidence", "export", str(evidence), "-i", inventory, "--to", f"sftp://web{folder}"]) == 4
    assert "goes elsewhere" in capsys.readouterr().err


@needs_sshd
def test_a_link_that_breaks_leaves_nothing_and_an_unknown_key_gets_nothing(
    server: Server, folder: Path, inventory: str, tmp_path: Path, evidence: Path
) -> None:
    host, to = server.host(), SftpFolder("store", str(folder))
    connect = lambda: connected_sftp(host, {})  # noqa: E731
    store = SftpStore(to, "a.tar", connect)
    with store, pytest.raises(DeliveryError), delivering(store) as delivery:
        delivery.write(bytes(PIECE))
        assert [each.name for each in folder.iterdir()] == ["a.tar.part"]
        server.cut_all()
        delivery.write(bytes(8 * PIECE))
        delivery.finish()
    assert list(folder.iterdir()) == []
    (tmp_path / "unknown").write_text("")
    path = Path(inventory)
    path.write_text(path.read_text().replace(str(host.known_hosts), str(tmp_path / "unknown")))
    assert main(["evidence", "export", str(evidence), "-i", inventory, "--to", f"sftp://store{folder}"]) == 3
    assert list(folder.iterdir()) == []


@needs_sshd
def test_what_comes_back_otherwise_is_no_delivery(server: Server, folder: Path) -> None:
    host = server.host()
    with (
        SftpStore(SftpFolder("store", str(folder)), "a.tar", lambda: connected_sftp(host, {})) as store,
        pytest.raises(DeliveryError, match="others came back"),
        delivering(store) as delivery,
    ):
        delivery.write(b"x" * 3 * PIECE)
        [part] = folder.iterdir()
        complete = store.complete
        store.complete = lambda: (complete(), part.write_bytes(b"y" * 3 * PIECE))[0]  # type: ignore[method-assign]
        delivery.finish()
    assert list(folder.iterdir()) == []


def test_an_object_goes_to_s3_in_parts_and_is_read_back(bucket: Any) -> None:
    content = b"abc" * 7 * PIECE
    with delivering(S3Store(S3Prefix("evidence", "2026/"), "a.tar")) as delivery:
        for piece in range(0, len(content), 333_333):
            delivery.write(content[piece : piece + 333_333])
        assert objects(bucket) == []
        done = delivery.finish()
    assert done == Delivered("s3://evidence/2026/a.tar", len(content), done.sha256)
    kept = bucket.get_object(Bucket="evidence", Key="2026/a.tar")
    assert kept["Body"].read() == content
    assert kept["ETag"].strip('"').endswith("-3")


def test_an_upload_that_ends_early_leaves_neither_object_nor_parts(bucket: Any) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        delivering(S3Store(S3Prefix("evidence", ""), "a.tar")) as delivery,
    ):
        delivery.write(bytes(9 * PIECE))
        assert uploads(bucket)
        raise KeyboardInterrupt
    assert (objects(bucket), uploads(bucket)) == ([], [])


def test_an_object_that_was_changed_on_the_way_is_removed(bucket: Any) -> None:
    store = S3Store(S3Prefix("evidence", ""), "a.tar")
    with pytest.raises(DeliveryError, match="others came back"), delivering(store) as delivery:
        delivery.write(b"as sent")
        complete = store.complete
        other = lambda: bucket.put_object(Bucket="evidence", Key="a.tar", Body=b"other")  # noqa: E731
        store.complete = lambda: (complete(), other())[0]  # type: ignore[method-assign]
        delivery.finish()
    assert objects(bucket) == []


def test_an_archive_arrives_at_s3_over_http_and_a_key_that_is_taken_is_left_alone(
    evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("flask")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in (("ACCESS_KEY_ID", "keeper"), ("SECRET_ACCESS_KEY", "not-to-be-shown")):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="evidence")
        words = ["evidence", "export", str(evidence), "--to", "s3://evidence/cases"]
        assert main(words) == 0
        [key] = objects(boto3.client("s3"))
        assert key.startswith("cases/") and key.endswith("-web.tar")
        path = tmp_path / "again.tar"
        path.write_bytes(boto3.client("s3").get_object(Bucket="evidence", Key=key)["Body"].read())
        assert verify_archive(path, None) == []
        assert main(words) == 1
        assert main(["evidence", "export", str(evidence), "--to", "s3://no-such-bucket"]) == 1
        said = capsys.readouterr()
        assert "is there already" in said.err
        assert "not-to-be-shown" not in said.out + said.err + (evidence / "custody.jsonl").read_text()
    finally:
        server.stop()


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setitem(sys.modules, "boto3.exceptions", None)
    with pytest.raises(DeliveryError, match=r"stopgap\[s3\]"):
        S3Store(S3Prefix("evidence", ""), "a.tar")


def test_nothing_at_all_is_a_file_too(bucket: Any) -> None:
    with delivering(S3Store(S3Prefix("evidence", ""), "empty")) as delivery:
        assert delivery.finish().bytes == 0
    assert objects(bucket) == ["empty"]
    assert io.BytesIO(bucket.get_object(Bucket="evidence", Key="empty")["Body"].read()).read() == b""

"""One archive of all that came of a host: a tree that other tools open, and that is verified alone."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.evidence.archive import members
from stopgap.orchestrator.evidence.packed import verify_archive
from stopgap.orchestrator.evidence.sealing import SealingError, sealing
from stopgap.orchestrator.evidence.tree import Leaf, LeftOut, tree

from .collection import begin_custody, collected
from .test_custody import new_key

ITEMS: dict[str, Any] = {
    "configuration": {"/etc/passwd": "root:x:0:0::/root:/bin/bash\n", "/etc/rc.local": {"target": "/dev/null"}},
    "histories": {"/root/.bash_history": {"text": "id\n", "mode": 0o600}},
    "cron": {"/etc/passwd": "another, read later\n"},
    "clock": "1795400090.0 x\n/etc/os-release:ID=debian\n/proc/uptime:5.00 1.00\n",
    "processes": (
        "/proc/1/stat:1 (init) S 0 1 1\n/proc/1/status:Name:\tinit\n/proc/1/status:Pid:\t1\n"
        "/proc/7/stat:7 (x) S 1 1 1\n/proc/9/stat:9 (orphan) S 8 1 1\n/proc/10/status:Name:\tgone\n"
    ),
    "deleted-executables": {
        "/proc/7/exe": {"text": "\x7fELF", "mode": 0o755},
        "/proc/9/exe": "of an orphan",
        "/proc/7/fd/3": "not here",
        "/proc/7/exe/../../../etc/shadow": "x",
    },
    "deleted-files": {"/proc/7/fd/4": "log of a sniffer\n", "/proc/1/exe": "y"},
    "process-arguments": "/proc/7/cmdline:sh\n/proc/7/cmdline:-c\n/proc/7/cmdline:a\vb\n/proc/9/cmdline:x\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = collected(tmp_path / "web" / "triage", ITEMS)
    begin_custody(made)
    return made.folder


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "web.tar"
    assert main(["evidence", "export", str(folder), "-o", str(path)]) == 0
    return path


def entries(archive: Path) -> dict[str, bytes | str]:
    """Path → content, or where a link points."""
    found: dict[str, bytes | str] = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            if member.issym():
                found[member.name] = member.linkname
            elif content := opened.extractfile(member):
                found[member.name] = content.read()
    return found


def test_the_tree_is_the_host_as_other_tools_know_it(archive: Path) -> None:
    tree = {name.removeprefix("[root]"): what for name, what in entries(archive).items() if name.startswith("[root]")}
    assert tree == {
        "/etc/os-release": b"ID=debian\n",
        "/etc/passwd": b"root:x:0:0::/root:/bin/bash\n",
        "/etc/rc.local": "/dev/null",
        "/proc/1/stat": b"1 (init) S 0 1 1\n",
        "/proc/1/status": b"Name:\tinit\nPid:\t1\n",
        "/proc/7/cmdline": b"sh\0-c\0a\nb\0",
        "/proc/7/deleted/4": b"log of a sniffer\n",
        "/proc/7/exe": b"\x7fELF",
        "/proc/7/stat": b"7 (x) S 1 1 1\n",
        "/proc/uptime": b"5.00 1.00\n",
        "/root/.bash_history": b"id\n",
    }


def test_times_modes_and_parents_are_the_hosts_own(archive: Path) -> None:
    with tarfile.open(archive) as opened:
        history = opened.getmember("[root]/root/.bash_history")
        assert (history.mtime, history.mode) == (1795400000, 0o600)
        names = opened.getnames()
    assert names.index("[root]/root") < names.index("[root]/root/.bash_history")
    assert {"[root]/run", "[root]/var", "[root]/etc"} <= set(names)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="dissect.target 3.25 cannot be imported by Python 3.14")
def test_dissect_reads_the_program_that_was_deleted_while_it_runs(archive: Path) -> None:
    words = ["-q", archive, "-f"]
    done = subprocess.run([Path(sys.executable).with_name("target-fs"), "-q", archive, "cat", "/proc/7/exe"],
                          capture_output=True)  # fmt: skip
    assert done.stdout == b"\x7fELF", done.stderr
    done = subprocess.run([Path(sys.executable).with_name("target-query"), *words, "processes,sockets"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_deleted_program_of_a_process_that_is_not_in_the_tree_is_left_out_and_that_is_said(archive: Path) -> None:
    lines = map(json.loads, str(entries(archive)["stopgap/root.jsonl"], "utf-8").splitlines())  # type: ignore[arg-type]
    left = {line["left_out"]: line["because"] for line in lines if "left_out" in line}
    assert left == {"/proc/9/exe": "its process is not among those that are whole"}


def test_the_collection_is_in_it_byte_for_byte_and_says_that_it_was_exported(archive: Path, folder: Path) -> None:
    found = entries(archive)
    for path in folder.iterdir():
        assert found[f"stopgap/web/triage/{path.name}"] == path.read_bytes()
    last = json.loads((folder / "custody.jsonl").read_text().splitlines()[-1])["record"]
    assert (last["action"], last["about"]) == ("exported", str(archive))


def test_an_archive_is_verified_alone(archive: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder)
    assert main(["verify", str(archive)]) == 0
    assert "as it was recorded" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_the_list_of_an_archive_is_signed_and_ssh_keygen_alone_can_check_it(folder: Path, tmp_path: Path) -> None:
    key, path = new_key(tmp_path / "id"), tmp_path / "signed.tar"
    assert main(["evidence", "export", str(folder), "-o", str(path), "--sign-key", str(key)]) == 0
    assert verify_archive(path, Path(f"{key}.signers")) == []
    found = entries(path)
    listed, signature = found["stopgap/archive.json"], tmp_path / "archive.json.sig"
    assert isinstance(listed, bytes)
    signature.write_bytes(found["stopgap/archive.json.sig"])  # type: ignore[arg-type]
    words = ["verify", "-f", f"{key}.signers", "-I", "kei@noc", "-n", "stopgap", "-s", str(signature)]
    assert subprocess.run(["ssh-keygen", "-Y", *words], input=listed).returncode == 0
    assert verify_archive(path, Path(f"{new_key(tmp_path / 'other')}.signers"))


def rewrite(archive: Path, change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]) -> None:
    """Write the archive anew, with each entry as `change` gives it."""
    out = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as new:
        for member in old:
            content = old.extractfile(member) if member.isfile() else None
            if changed := change(member, content.read() if content else b""):
                if changed[0].isfile():
                    changed[0].size = len(changed[1])
                new.addfile(changed[0], io.BytesIO(changed[1]))
    archive.write_bytes(out.getvalue())


def on(name: str, change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]) -> Any:
    return lambda info, data: change(info, data) if info.name.endswith(name) else (info, data)


def older(info: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info.mtime = 1
    return info, data


TAMPERING = {
    "an item": on("configuration.tar", lambda info, data: (info, data[:-1] + b"x")),
    "a manifest": on("manifest.json", lambda info, data: (info, data.replace(b"203.0.113.10", b"203.0.113.11"))),
    "the custody log": on("custody.jsonl", lambda info, data: (info, data.replace(b"kei@noc", b"eve@noc"))),
    "a log that is cut off": on("custody.jsonl", lambda info, data: (info, data.splitlines()[0] + b"\n")),
    "a file of the host": on("/.bash_history", lambda info, data: (info, b"ls\n")),
    "its time": on("/.bash_history", older),
    "a file that is gone": on("/.bash_history", lambda info, data: None),
    "a link": on("rc.local", lambda info, data: None),
    "the last file": on("cron.tar", lambda info, data: None),
    "the lines of the tree": on("root.jsonl", lambda info, data: (info, data.replace(b"kei", b"eve") + b"\n")),
    "the list": on("archive.json", lambda info, data: (info, data.replace(b'"run":"r"', b'"run":"q" '))),
    "no list": on("archive.json", lambda info, data: None),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_what_was_changed_in_an_archive_is_found(archive: Path, what: str) -> None:
    rewrite(archive, lambda info, data: (info, data))
    assert verify_archive(archive) == []
    rewrite(archive, TAMPERING[what])
    assert verify_archive(archive)


@pytest.mark.parametrize(
    "name", ["[root]/etc/shadow", "stopgap/x", "stopgap/web/triage/x", "stopgap/web/other/x", "y"]
)
def test_what_was_added_to_an_archive_is_found(archive: Path, name: str) -> None:
    with tarfile.open(archive, "a") as opened:
        opened.addfile(tarfile.TarInfo(name))
    assert verify_archive(archive)


def test_an_archive_that_was_cut_off_anywhere_is_found(archive: Path) -> None:
    whole = archive.read_bytes()
    end = whole.rstrip(b"\0")
    for length in range(512, len(end), 4096):
        archive.write_bytes(whole[:length])
        assert verify_archive(archive), length


def test_holes_in_an_archive_do_not_fill_the_verifier_with_zeros(archive: Path) -> None:
    with tarfile.open(archive, "a") as opened:
        info = tarfile.TarInfo("stopgap/web/triage/x")
        info.type = tarfile.GNUTYPE_SPARSE
        opened.addfile(info)
    content = bytearray(archive.read_bytes())
    at = content.rindex(b"stopgap/web/triage/x")
    content[at + 483 : at + 495] = b"\x80" + (1 << 60).to_bytes(11, "big")
    header = bytes(content[at : at + 148]) + b" " * 8 + bytes(content[at + 156 : at + 512])
    content[at + 148 : at + 156] = f"{sum(header):06o}\0 ".encode()
    archive.write_bytes(content)
    assert any("has holes" in problem for problem in verify_archive(archive))


def test_no_path_leaves_the_tree_and_none_leads_through_a_link(tmp_path: Path) -> None:
    odd: dict[str, Any] = {"/etc/../../x": "out", "/a": {"target": "/etc"}, "/a/b": "through", "/ok\n": "y"}
    odd["/n"] = {"target": "y" * 5000}
    found = list(tree([collected(tmp_path / "u", {"configuration": odd})]))
    assert [leaf.path for leaf in found if isinstance(leaf, Leaf)] == ["/a/b", "/ok\n"]
    assert {leaf.path for leaf in found if isinstance(leaf, LeftOut)} == {"/etc/../../x", "/a", "/n"}


def test_files_of_holes_are_left_out_beyond_what_all_may_have(tmp_path: Path) -> None:
    out = io.BytesIO()
    for name in ("a", "b"):
        info = tarfile.TarInfo(f"./var/log/{name}")
        info.type = tarfile.GNUTYPE_SPARSE
        header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        header[483:495] = b"\x80" + (600 << 20).to_bytes(11, "big")
        header[148:156] = f"{sum(header[:148]) + 256 + sum(header[156:]):06o}\0 ".encode()
        out.write(header)
    made = collected(tmp_path / "s", {"logs": {"/x": "x"}})
    (made.folder / "000-logs.tar").write_bytes(out.getvalue() + bytes(1024))
    kept, left = tree([made])
    assert isinstance(kept, Leaf)
    assert isinstance(left, LeftOut)
    assert left.reason == f"{600 << 20} bytes of holes"


def test_an_archive_is_of_one_host_and_overwrites_nothing(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "export", str(tmp_path), "-t", "mail", "-o", str(tmp_path / "x.tar")]) == 2
    assert "holds no evidence of mail; it does of web" in capsys.readouterr().err
    (tmp_path / "there").write_text("mine")
    assert main(["evidence", "export", str(folder), "-o", str(tmp_path / "there")]) == 1
    assert (tmp_path / "there").read_text() == "mine"


def test_a_collection_that_is_not_whole_leaves_no_archive(tmp_path: Path, folder: Path) -> None:
    (folder / "custody.jsonl").write_text("damaged\n")
    (folder / "link").symlink_to("manifest.json")
    assert main(["evidence", "export", str(folder), "-o", str(tmp_path / "x.tar")]) == 1
    assert not (tmp_path / "x.tar").exists()


def test_an_archive_is_encrypted_as_it_is_written_and_its_reader_alone_opens_it(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyrage

    reader = pyrage.x25519.Identity.generate()
    path, opened = tmp_path / "web.tar.age", tmp_path / "web.tar"
    assert main(["evidence", "export", str(folder), "-o", str(path), "--age", str(reader.to_public())]) == 0
    assert b"root:x:0:0" not in path.read_bytes()
    assert main(["verify", str(path)]) == 2
    assert "is encrypted" in capsys.readouterr().err
    opened.write_bytes(pyrage.decrypt(path.read_bytes(), [reader]))
    assert verify_archive(opened) == []
    last = json.loads((folder / "custody.jsonl").read_text().splitlines()[-1])["record"]
    assert last["about"] == f"{path}, encrypted to {reader.to_public()}"


@pytest.mark.parametrize("recipient", ["age1nobody", "ssh-rsa x", "kei"])
def test_a_recipient_that_is_none_leaves_no_archive(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], recipient: str
) -> None:
    assert main(["evidence", "export", str(folder), "-o", str(tmp_path / "x"), "--age", recipient]) == 1
    assert f"{recipient}: no public key of age" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_disk_that_is_full_while_an_archive_is_encrypted_is_told() -> None:
    import pyrage

    key = str(pyrage.x25519.Identity.generate().to_public())
    with (
        pytest.raises(SealingError, match="encrypting failed"),
        Path("/dev/full").open("wb", buffering=0) as full,
        sealing(full, [key]) as stream,
    ):
        for _ in range(100):
            stream.write(bytes(1 << 16))


@settings(max_examples=150, deadline=None)
@given(at=strategies.floats(0, 1), junk=strategies.binary(min_size=1, max_size=24))
def test_an_archive_with_bytes_overwritten_is_told_or_holds_the_same(archive: Path, at: float, junk: bytes) -> None:
    whole = archive.read_bytes()
    where = int(at * (len(whole) - len(junk)))
    damaged = archive.with_name("damaged.tar")
    damaged.write_bytes(whole[:where] + junk + whole[where + len(junk) :])
    if not verify_archive(damaged):
        assert contents(damaged) == contents(archive)


def contents(archive: Path) -> list[tuple[str, bytes]]:
    """Names and contents, as this project reads archives."""
    return [(member.name, content) for member in members(archive) for content in [member.read(1 << 20)]]

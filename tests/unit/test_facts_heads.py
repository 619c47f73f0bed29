"""The beginnings of many files, read by whatever shell the host has."""

import subprocess
from pathlib import Path

from stopgap.orchestrator.facts import FileHeads, HeadsFact, Output
from stopgap.orchestrator.hosttext import HostText


def read(reader: FileHeads) -> HeadsFact:
    done = subprocess.run(["sh", "-c", reader.script()], capture_output=True, check=False)
    return reader.parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


def test_each_file_gives_its_first_bytes_whatever_they_and_its_name_are(tmp_path: Path) -> None:
    for name in ("deferred/4/x y", "deferred/new\nline", "active/-n"):
        path = tmp_path / "spool" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x00\xff\n" * 1000)
    found = read(FileHeads((f"{tmp_path}/spool/deferred", f"{tmp_path}/sp*/active"), length=4))
    assert found == HeadsFact(heads=(b"\x00\xff\n\x00",) * 3)
    assert read(FileHeads((f"{tmp_path}/spool/*",), most=2)).whole is False


def test_no_directory_is_told_from_an_empty_one(tmp_path: Path) -> None:
    assert read(FileHeads((f"{tmp_path}/nothing",))).heads is None
    assert read(FileHeads((str(tmp_path),))).heads == ()

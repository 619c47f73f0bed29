"""A path change, applied by a real shell in a real directory."""

import os
import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.change import (
    CHANGE,
    DRIFTED,
    PathChange,
    make_directory,
    make_link,
    remove_path,
    write_file,
)
from stopgap.orchestrator.facts import ABSENT, File, FileFact, Output
from stopgap.orchestrator.hosttext import HostText


def sh(script: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["sh", "-c", script], capture_output=True, timeout=180)


def read(path: Path) -> FileFact:
    done = sh(File(str(path)).script())
    return File(str(path)).parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


def owned(change: PathChange | None) -> PathChange:
    """The same change, owned by whoever runs the test."""
    assert change is not None
    mine = {"uid": os.getuid(), "gid": os.getgid()}
    return change.model_copy(update={"after": change.after.model_copy(update=mine)})


CONTENTS = [
    b"",
    b"one\n",
    b"no newline at the end",
    "日本語 'quoted' $HOME `id` \\ %s\n".encode(),
    b"\0\xff\x80binary",
    b"-n",
]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("old", [None, b"old\n", b"\xe9\xe8 latin\n"])
def test_a_written_file_holds_these_bytes_and_its_undo_brings_back_those_before(
    tmp_path: Path, content: bytes, old: bytes | None
) -> None:
    path = tmp_path / "it's a file"
    if old is not None:
        path.write_bytes(old)
        path.chmod(0o640)
    before = read(path)
    change = owned(write_file(str(path), content, before, mode=0o600))
    change = CHANGE.validate_json(change.model_dump_json())  # as it comes back from the journal
    assert sh(change.do_script()).returncode == 0
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o7777 == 0o600
    assert sh(change.do_script()).returncode == 0
    assert sh(change.undo_script()).returncode == 0
    assert read(path) == before
    assert sh(change.undo_script()).returncode == 0
    assert {p.name for p in tmp_path.iterdir()} == ({path.name} if old is not None else set())


def test_what_somebody_else_changed_since_is_left_alone_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "f"
    change = owned(write_file(str(path), "ours\n", ABSENT))
    path.write_text("theirs\n")
    assert sh(change.do_script()).returncode == DRIFTED
    assert sh(change.undo_script()).returncode == DRIFTED
    assert path.read_text() == "theirs\n"
    assert sh(change.undo_script(force=True)).returncode == 0
    assert not path.exists()


def test_links_directories_and_removals_go_there_and_back(tmp_path: Path) -> None:
    link, directory, gone = tmp_path / "l", tmp_path / "d", tmp_path / "g"
    gone.write_text("keep me\n")
    changes = [
        make_link(str(link), "../somewhere", ABSENT),
        owned(make_directory(str(directory), ABSENT, mode=0o750)),
        remove_path(str(gone), read(gone)),
    ]
    before = [read(p) for p in (link, directory, gone)]
    for change in changes:
        assert change is not None
        done = sh(change.do_script())
        assert done.returncode == 0, done.stderr
    assert link.readlink() == Path("../somewhere")
    assert directory.is_dir()
    assert not gone.exists()
    for change in reversed(changes):
        assert change is not None
        assert sh(change.undo_script()).returncode == 0
    assert [read(p) for p in (link, directory, gone)] == before


def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old\n")
    change = owned(write_file(str(path), "x" * 5_000, read(path)))
    done = sh(f"trap '' XFSZ; ulimit -f 4; {change.do_script()}")
    assert done.returncode not in {0, DRIFTED}
    assert b"cannot be written" in done.stderr
    assert path.read_text() == "old\n"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_file_that_could_not_be_restored_is_not_planned_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="could not be put back"):
        write_file(str(tmp_path / "f"), "new", FileFact(kind="file", size=1 << 30))


def test_nothing_is_planned_where_all_is_so_already(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("same\n")
    path.chmod(0o644)
    assert write_file(str(path), "same\n", read(path)) is None

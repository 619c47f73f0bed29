"""Clearing and setting attributes, by the real chattr on the real kernel, names of every kind."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.change import CHANGE, DRIFTED, AttributesChange
from stopgap.orchestrator.facts import Attributes, AttributesFact, Output, UnreadableError
from stopgap.orchestrator.hosttext import HostText
from stopgap.tasks.evidence.catalogue import shipped

NAMES = (b"plain", b"with blank", b"-i", b"new\nline", b"\xff\xfe", b"esc\x1b[2J", b"quote'\"$(id)`", b"*")


BASE = ("env", "find", "sed", "sh", "uname")
WAYS = {"perl": ("perl",), "python3": ("python3",), "chattr": ("lsattr", "chattr")}
LIAR = "#!/bin/sh\nexit 0\n"
BLIND = '#!/bin/sh\nfor last; do :; done\necho "-------------------- $last"\n'


def sh(script: str, path: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run it, with no other tools than those of a folder if one is given."""
    return subprocess.run(
        ["/bin/sh", "-s"],
        input=script.encode("utf-8", "surrogateescape"),
        capture_output=True,
        env={**os.environ, "PATH": str(path) if path else os.environ["PATH"]},
    )


def tools(folder: Path, *names: str, **rigged: str) -> Path:
    """A folder with these tools of this machine's and no others, and others in their place."""
    folder.mkdir()
    for name in (*BASE, *names):
        (folder / name).symlink_to(shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") or "")
    for name, text in rigged.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def listed(*paths: Path, by: Path | None = None) -> AttributesFact:
    reader = Attributes(tuple(map(str, paths)))
    done = sh(reader.script(), by)
    return reader.parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


def raw(folder: Path) -> bytes:
    return subprocess.run(["lsattr", "-Ra", folder], capture_output=True, check=True).stdout


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A directory with files of every kind of name, all immutable or append-only, the directory too."""
    if os.geteuid() != 0:
        pytest.skip("only root can set these attributes")
    folder = tmp_path / "locked"
    (folder / "below").mkdir(parents=True)
    for name in NAMES:
        Path(os.fsdecode(bytes(folder) + b"/below/" + name)).write_text("x")
    marks = ["+i", "+a", "+ia"]
    for number, name in enumerate(NAMES):
        path = os.fsdecode(bytes(folder) + b"/below/" + name)
        done = subprocess.run(["chattr", marks[number % 3], "--", path], capture_output=True)
        if done.returncode:
            pytest.skip("this filesystem or container has no such attributes")
    subprocess.run(["chattr", "+i", folder / "below", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["chattr", "-R", "-ia", folder], check=True)


def test_every_name_is_found_parents_first(locked: Path) -> None:
    found = [one.path for one in listed(locked).locked]
    assert found[:2] == [bytes(locked), bytes(locked / "below")]
    assert set(found[2:]) == {bytes(locked) + b"/below/" + name for name in NAMES}


def test_a_path_that_is_not_there_is_named_and_a_link_is_not_followed(locked: Path) -> None:
    link = locked.parent / "link"
    link.symlink_to(locked)
    found = listed(link, link / "none")
    assert (found.locked, found.absent, found.links) == ((), (f"{link}/none",), (str(link),))


def test_a_list_that_was_cut_off_is_not_taken_for_the_whole() -> None:
    with pytest.raises(UnreadableError, match="incomplete"):
        Attributes(("/",)).parse(Output(HostText(b"----i---- /x\n"), HostText(b""), 0, truncated=True))


def test_all_is_cleared_and_the_undo_is_exact_to_the_byte(locked: Path) -> None:
    before = raw(locked)
    change = CHANGE.validate_json(AttributesChange(locked=listed(locked).locked).model_dump_json())
    for _ in range(2):
        assert sh(change.do_script()).returncode == 0
        assert listed(locked).locked == ()
    (locked / "below" / "new").write_text("it can be changed again")
    (locked / "below" / "new").unlink()
    for _ in range(2):
        done = sh(change.undo_script())
        assert done.returncode == 0, done.stderr
        assert raw(locked) == before


def test_an_undo_of_what_was_never_done_changes_nothing(locked: Path) -> None:
    before = raw(locked)
    assert sh(AttributesChange(locked=listed(locked).locked).undo_script()).returncode == 0
    assert raw(locked) == before


def test_nothing_is_touched_where_somebody_was_there_meanwhile(locked: Path) -> None:
    change = AttributesChange(locked=listed(locked).locked)
    subprocess.run(["chattr", "-i", locked / "below"], check=True)
    subprocess.run(["chattr", "+a", locked / "below"], check=True)
    before = raw(locked)
    assert sh(change.do_script()).returncode == DRIFTED
    assert raw(locked) == before


def test_the_undo_leaves_what_somebody_has_marked_meanwhile_and_does_the_rest(locked: Path) -> None:
    change = AttributesChange(locked=listed(locked).locked)
    assert sh(change.do_script()).returncode == 0
    (locked / "below" / "plain").unlink()
    subprocess.run(["chattr", "+a", locked / "below" / "-i"], check=True, cwd="/")
    assert sh(change.undo_script()).returncode == DRIFTED
    marks = {one.path.rpartition(b"/")[2]: one.marks for one in listed(locked).locked}
    assert marks[b"-i"] == "a"
    assert (marks[b"locked"], marks[b"below"], len(marks)) == ("i", "i", len(NAMES) + 1)


def test_an_undo_by_force_sets_what_was_there_before(locked: Path) -> None:
    before = raw(locked)
    change = AttributesChange(locked=listed(locked).locked)
    assert sh(change.do_script()).returncode == 0
    subprocess.run(["chattr", "+a", locked / "below" / "plain"], check=True)
    assert sh(change.undo_script(force=True)).returncode == 0
    assert raw(locked) == before


@pytest.mark.parametrize("way", WAYS)
def test_any_way_that_is_there_does_it_alone(locked: Path, tmp_path: Path, way: str) -> None:
    before, by = raw(locked), tools(tmp_path / "bin", *WAYS[way])
    found = listed(locked, by=by)
    assert found == listed(locked)
    change = AttributesChange(locked=found.locked)
    done = sh(change.do_script(), by)
    assert done.returncode == 0, done.stderr
    assert listed(locked).locked == ()
    done = sh(change.undo_script(), by)
    assert done.returncode == 0, done.stderr
    assert raw(locked) == before


def test_without_any_way_it_is_said_that_nothing_was_looked_at(tmp_path: Path) -> None:
    by = tools(tmp_path / "bin")
    assert sh(Attributes((str(tmp_path),)).script(), by).returncode == 127
    with pytest.raises(UnreadableError, match="attributes cannot be looked at"):
        listed(tmp_path, by=by)


def test_an_lsattr_that_hides_them_is_noticed_beside_the_kernels_own_word(locked: Path, tmp_path: Path) -> None:
    found = listed(locked, by=tools(tmp_path / "bin", "perl", lsattr=BLIND, chattr=LIAR))
    assert found.locked == listed(locked).locked
    assert set(found.disputed) == {one.name() for one in found.locked}
    assert listed(locked).disputed == ()


def test_a_chattr_that_lies_is_found_out_though_lsattr_lies_too(locked: Path, tmp_path: Path) -> None:
    change = AttributesChange(locked=listed(locked).locked)
    by = tools(tmp_path / "bin", chattr=LIAR, lsattr=BLIND)
    done = sh(change.do_script(), by)
    assert done.returncode == 1
    assert done.stderr.count(b"it was cleared by tools, and is locked still") == len(change.locked)
    assert sh(change.do_script()).returncode == 0
    done = sh(change.undo_script(), by)
    assert done.returncode == 1
    assert b"it was marked by tools, and is not" in done.stderr
    assert sh(change.undo_script()).returncode == 0


def test_what_a_link_leads_to_is_neither_cleared_nor_marked(locked: Path, tmp_path: Path) -> None:
    """The directory's owner puts a link in its place once the list was read."""
    elsewhere = tmp_path / "elsewhere"
    change = AttributesChange(locked=listed(locked / "below").locked)
    free = AttributesChange(locked=tuple(one for one in change.locked if one.path.endswith(b"plain")))
    subprocess.run(["chattr", "-i", locked, locked / "below"], check=True)
    (locked / "below").rename(elsewhere)
    (locked / "below").symlink_to(elsewhere)
    subprocess.run(["chattr", "+i", elsewhere], check=True)
    try:
        before = raw(elsewhere)
        for by in (None, tools(tmp_path / "bin", *WAYS["chattr"])):
            assert sh(change.do_script(), by).returncode == DRIFTED
            assert sh(change.undo_script(force=True), by).returncode in {1, DRIFTED}
            assert sh(free.undo_script(), by).returncode in {1, DRIFTED}
            assert raw(elsewhere) == before
    finally:
        (locked / "below").unlink()
        subprocess.run(["chattr", "-i", elsewhere], check=True)
        elsewhere.rename(locked / "below")


def test_a_path_through_a_link_is_changed_where_the_link_led_when_it_was_read(locked: Path) -> None:
    link = locked.parent / "link"
    link.symlink_to(locked.parent)
    found = listed(link / "locked")
    assert {one.name().startswith(f"{link}/locked") for one in found.locked} == {True}
    assert {one.place().startswith(f"{locked}") for one in found.locked} == {True}
    change = CHANGE.validate_json(AttributesChange(locked=found.locked).model_dump_json())
    before = raw(locked)
    assert sh(change.do_script()).returncode == 0
    assert listed(locked).locked == ()
    assert sh(change.undo_script()).returncode == 0
    assert raw(locked) == before


@pytest.mark.parametrize("way", WAYS)
def test_what_could_not_be_looked_at_is_counted(public_path: Path, way: str) -> None:
    closed = public_path / "closed"
    (closed / "below").mkdir(parents=True)
    closed.chmod(0o700)
    (public_path / "secret").write_text("x")
    (public_path / "secret").chmod(0o600)
    by = tools(public_path / "bin", *WAYS[way], "stat", "tr")
    reader = Attributes((str(public_path),))
    done = subprocess.run(
        [shutil.which("setpriv") or "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-s"],
        input=reader.script().encode(),
        capture_output=True,
        env={"PATH": str(by)},
        cwd="/",
    )
    found = reader.parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))
    assert found.unread == (3 if way == "chattr" else 2)  # find(1) and lsattr(1) both complain of the directory
    assert "Permission denied" in found.unread_such


def as_evidence(folder: Path, by: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    shipped_one = shipped().artifacts["attributes"]
    (source,) = shipped_one.reads
    here = source.model_copy(update={"within": "/", "paths": (str(folder),)})
    return sh(shipped_one.model_copy(update={"reads": (here,)}).artifact().script, by)


@pytest.mark.parametrize("way", [("perl", "lsattr"), ("python3",), ("lsattr",)], ids=" ".join)
def test_evidence_lists_each_once_by_any_way(locked: Path, tmp_path: Path, way: tuple[str, ...]) -> None:
    done = as_evidence(locked, tools(tmp_path / "bin", "awk", "tr", "cat", *way))
    assert (done.returncode, done.stderr) == (0, b"")
    lines = [line.split(b" ", 1) for line in done.stdout.splitlines()]
    found = {(path.replace(b"\v", b"\n"), b"i" in flags, b"a" in flags) for flags, path in lines}
    assert len(lines) == len(found)
    assert found == {(one.path, "i" in one.marks, "a" in one.marks) for one in listed(locked).locked}


def test_evidence_says_what_lsattr_hides_and_that_nothing_could_look(locked: Path, tmp_path: Path) -> None:
    done = as_evidence(locked, tools(tmp_path / "bin", "awk", "tr", "cat", "perl", lsattr=BLIND))
    assert done.stdout.count(b"\n") == len(NAMES) + 2
    assert f"lsattr does not show {len(NAMES) + 2} that the kernel does".encode() in done.stderr
    done = as_evidence(locked, tools(tmp_path / "none", "awk", "tr"))
    assert (done.returncode, done.stdout) == (127, b"")
    assert b"neither perl, python3 nor lsattr" in done.stderr

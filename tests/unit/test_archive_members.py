"""Reading archives and lines that a host sent, in bounded memory, whatever they hold."""

import os
import subprocess
import tarfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.evidence.archive import BLOCK, members
from stopgap.orchestrator.evidence.reader import LONGEST_LINE, lines_of

from .collection import tar


def test_an_archive_is_read_as_tar_wrote_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    names = ["plain", "sp ace ", "new\nline", "-dash", "deep/" * 40 + "leaf", "x" * 200]
    for name in names:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name * 3)
    (tree / os.fsdecode(b"\xff\xfe")).write_bytes(b"odd")
    (tree / "link").symlink_to("t" * 150)
    os.mkfifo(tree / "fifo")
    for style in ("gnu", "ustar", "pax"):
        file = tmp_path / f"{style}.tar"
        with file.open("wb") as stream:
            subprocess.run(
                ["tar", "-C", tree, f"--format={style}", "-cf", "-", "."],
                stdout=stream,
                check=False,
                stderr=subprocess.DEVNULL,
            )
        with tarfile.open(file) as archive:
            expected = {"/" + m.name.removeprefix("./").strip("/.") * (m.name != "."): m for m in archive}
            got = {}
            for member in members(file):
                got[member.name] = (member.kind, member.read(1 << 20) if member.kind == "file" else member.target)
            assert got["/link"] == ("link", "t" * (100 if style == "ustar" else 150))
            assert got["/fifo"][0] == "other"
            for name, entry in expected.items():
                if entry.isfile() and (held := archive.extractfile(entry)):
                    assert got[name] == ("file", held.read())


def test_several_archives_may_follow_one_another_and_a_damaged_one_loses_no_other(tmp_path: Path) -> None:
    file = tmp_path / "x.tar"
    damaged = bytearray(tar({"/b": "2"}))
    damaged[0] ^= 1
    file.write_bytes(tar({"/a": "1"}) + bytes(damaged) + b"\xff" * BLOCK + tar({"/c": "3"}))
    assert [member.name for member in members(file)] == ["/a", "/c"]


def test_a_line_has_its_cap() -> None:
    lines = list(lines_of([b"a" * 50_000] * 4 + [b"\nb"]))
    assert [len(line.text) for line in lines] == [LONGEST_LINE, 1]
    assert [line.number for line in lines] == [1, 2]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_archive_can_break_its_reader(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(tar({"/a": "1" * 600, "/" + "n" * 300: "2", "/l": {"target": "/x"}}))
    for _ in range(data.draw(st.integers(0, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for at in range(0, len(content), BLOCK):  # let the damaged headers count
        if data.draw(st.booleans()):
            block = content[at : at + BLOCK]
            block[148:156] = b" " * 8
            content[at + 148 : at + 156] = b"%06o\0 " % sum(block)
    file = tmp_path / "x.tar"
    file.write_bytes(content)
    for member in members(file):
        assert sum(map(len, member.chunks(1 << 20, holes=True))) <= 1 << 20

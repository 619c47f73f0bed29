"""What the manual has a person paste where Stopgap cannot be used: it is shell, and does what the change does."""

from __future__ import annotations

import re
import subprocess
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgap.orchestrator.change import AnyChange, RunCommands, command, make_directory, make_link, write_file
from stopgap.orchestrator.facts import ABSENT, FileFact
from stopgap.orchestrator.report.by_hand import do_by_hand, undo_by_hand
from stopgap.orchestrator.report.manual import manual

from .story import CONTAINED, Lang, answered, told


def pasted(lines: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    typed = "\n".join(lines) + "\n"
    return subprocess.run(["sh"], input=typed, capture_output=True, text=True, errors="surrogateescape", check=False)


def blocks(page: str) -> list[str]:
    return [unescape(block) for block in re.findall(r'<pre class="shell">(.*?)</pre>', page, re.DOTALL)]


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_block_of_the_manual_is_shell(lang: Lang) -> None:
    found = blocks(manual(told(CONTAINED), lang=lang))
    assert len(found) >= 6
    for block in found:
        checked = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), block


def test_the_manual_names_the_recovery_and_never_takes_back_the_last_run_whichever_it_is() -> None:
    page = unescape(manual(told(CONTAINED)))
    assert "stopgap run recover -i /srv/inventories/lab.yaml -t web -p runs=RUN" in page
    assert "undo last" not in page
    assert "stopgap undo RUN" in page


def test_the_telephone_list_has_a_person_once() -> None:
    answers = [record for n in range(3) for record in answered(f"Question {n}?", "yes")]
    page = manual(told([*CONTAINED, *answers]), format="md")
    people = page.partition("## 1.")[2].partition("## 2.")[0]
    assert people.count("noc1") == 1


CONTENTS = st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda b: b.decode("utf-8", "surrogateescape")))


@given(content=CONTENTS)
def test_a_file_that_was_pasted_has_the_content_byte_for_byte(
    content: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("pasted") / "it's a file"
    change = write_file(str(path), content, ABSENT, mode=0o640)
    assert change
    done = pasted(do_by_hand(change))
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == content.encode("utf-8", "surrogateescape")
    assert path.stat().st_mode & 0o777 == 0o640
    assert pasted(undo_by_hand(change)).returncode == 0
    assert not path.exists()


@given(stdin=CONTENTS)
def test_a_command_gets_its_input_byte_for_byte(stdin: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("fed") / "got"
    change = RunCommands(about="x", do=(command("tee", str(path), stdin=stdin),), undo=None)
    assert pasted(do_by_hand(change)).returncode == 0
    assert path.read_bytes() == stdin.encode("utf-8", "surrogateescape")
    assert undo_by_hand(change) == ()


def changes(top: Path) -> list[tuple[AnyChange | None, Path]]:
    old = FileFact(kind="file", mode=0o600, uid=0, gid=0, size=4, content=b"old\n")
    (top / "kept").write_text("old\n")
    return [
        (make_directory(str(top / "folder"), ABSENT), top / "folder"),
        (make_link(str(top / "link"), "folder", ABSENT), top / "link"),
        (write_file(str(top / "kept"), "END\nEND_\nnew\n", old), top / "kept"),
    ]


def test_directories_links_and_replaced_files_are_made_and_taken_back(tmp_path: Path) -> None:
    for change, path in changes(tmp_path):
        assert change
        before = path.read_text() if path.is_file() else None
        done = pasted(do_by_hand(change))
        assert (done.returncode, done.stderr) == (0, "")
        assert path.is_symlink() or path.exists()
        assert pasted(undo_by_hand(change)).returncode == 0
        assert (path.read_text() if before is not None else path.exists()) == (before or False)


def test_a_status_that_is_allowed_fails_nothing() -> None:
    change = RunCommands(about="x", do=(command("sh", "-c", "exit 3", ok=(0, 3)), command("echo", "on")), undo=None)
    assert pasted(do_by_hand(change)).stdout == "on\n"

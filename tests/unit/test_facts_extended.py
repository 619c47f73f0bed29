"""Extended attributes are read by one perl, and by what else is there if that perl cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.facts import Extended, Output
from stopgap.orchestrator.facts.extended import ExtendedFact
from stopgap.orchestrator.hosttext import HostText

pytestmark = pytest.mark.skipif(shutil.which("perl") is None, reason="perl is missing")


def read(reader: Extended, first: Path) -> tuple[ExtendedFact, ...]:
    path = f"{first}:{os.environ['PATH']}"
    done = subprocess.run(["sh", "-c", reader.script()], capture_output=True, env={"PATH": path}, check=False)
    return reader.parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_one_perl_answers_for_all_paths(tmp_path: Path) -> None:
    perl, calls = shutil.which("perl"), tmp_path / "calls"
    program(tmp_path, "perl", f'echo called >>{calls}; exec {perl} "$@"')
    (tmp_path / "file").touch()
    (tmp_path / "other").hardlink_to(tmp_path / "file")
    found = read(Extended((f"{tmp_path}/file", f"{tmp_path}/gone", "/")), tmp_path)
    assert [fact.links for fact in found] == [2, 1, 1]
    assert calls.read_text() == "called\n"


@pytest.mark.parametrize("script", ["exit 1", "echo path 0123456789abcdef; echo links 9; exit 3", "kill -9 $$"])
def test_perl_that_fails_leaves_no_word_and_the_next_tool_is_asked(tmp_path: Path, script: str) -> None:
    (tmp_path / "file").touch()
    reader = Extended((f"{tmp_path}/file", "/"))
    (tools := tmp_path / "tools").mkdir()
    expected = read(reader, tools)
    program(tools, "perl", script)
    assert read(reader, tools) == expected

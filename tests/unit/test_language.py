"""The terminal in the reader's language, by the real program."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import forkserver

RUNBOOK = """
name: Put a file there
name_ja: ファイルを置く
steps:
  - {id: w, name: Write it, name_ja: 書き込み, task: host.file, with: {path: "PATH", content: "hi"}, on: target}
  - {id: c, task: host.command, with: {argv: ["false"], undo: ["true"]}, on: target}
"""


def stopgap(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "STOPGAP_"))}
    return subprocess.run(
        [str(forkserver.stopgap()), *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=home,
        env=known | {"STOPGAP_HOME": str(home / "state"), "PYTHONIOENCODING": "utf-8"} | environment,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "rb.yaml").write_text(RUNBOOK.replace("PATH", str(tmp_path / "x")))
    (tmp_path / "inv.yaml").write_text("hosts:\n  here: {address: 127.0.0.1, connection: local}\n")
    return tmp_path


def test_a_run_is_told_in_japanese_and_later_in_english(project: Path) -> None:
    ran = stopgap(project, "run", "rb.yaml", "-i", "inv.yaml", "-t", "here", "--yes", "--lang", "ja")
    assert ran.returncode == 1
    assert "ファイルを置く" in ran.stdout
    assert "書き込み" in ran.stdout
    assert f"取消   削除：{project}/x" in ran.stdout
    assert "失敗   終了ステータス 1：出力なし" in ran.stdout
    assert "stopgap undo" in ran.stdout
    assert 'lang="ja"' in next(project.glob("state/runs/*/report.html")).read_text()
    shown = stopgap(project, "show", "last", LANG="ja_JP.UTF-8").stdout
    assert f"ファイルを作成：{project}/x（0644）" in shown
    assert (
        f"write {project}/x (0644)" in stopgap(project, "show", "last", LANG="ja_JP.UTF-8", LC_ALL="C.UTF-8").stdout
    )
    told = stopgap(project, "report", "last", "--format", "md", STOPGAP_LANG="ja").stdout
    assert "理由：終了ステータス 1：出力なし" in told
    undone = stopgap(project, "undo", "last", "--yes", STOPGAP_LANG="ja").stdout
    assert "2 件を取り消しました。この実行で有効なものは残っていません。" in undone


def test_names_of_runbook_and_steps_are_in_the_readers_language_wherever_they_stand(project: Path) -> None:
    stopgap(project, "run", "rb.yaml", "-i", "inv.yaml", "-t", "here", "--yes")
    for words in (("show", "last"), ("watch", "last"), ("status",)):
        for placed in (("--lang", "ja", *words), (*words, "--lang", "ja")):
            told = stopgap(project, *placed)
            assert "ファイルを置く" in told.stdout, (placed, told)
            assert "Put a file there" not in told.stdout
            assert "Write it" not in told.stdout
            assert ("書き込み" in told.stdout) == (words[0] != "status")
    assert "Put a file there" in stopgap(project, "--lang", "en", "status", STOPGAP_LANG="ja").stdout


def test_json_is_the_same_in_every_language(project: Path) -> None:
    stopgap(project, "run", "rb.yaml", "-i", "inv.yaml", "-t", "here", "--yes", "--lang", "ja")
    told = [json.loads(stopgap(project, "show", "last", "--json", "--lang", lang).stdout) for lang in ("en", "ja")]
    assert [each.pop("time") != "" for each in told] == [True, True]
    assert told[0] == told[1]
    assert "exit status 1: it said nothing" in [step["reason"] for step in told[0]["steps"]]


def test_what_is_wrong_with_the_input_is_told_in_the_readers_language(project: Path) -> None:
    (project / "wrong.yaml").write_text("name: Wrong\nsteps:\n  - {task: host.fil}\n")
    for words in (("check", "wrong.yaml"), ("run", "wrong.yaml", "-i", "inv.yaml", "-t", "here", "--dry-run")):
        told = stopgap(project, *words, "--lang", "ja")
        assert told.returncode == 2
        assert "wrong.yaml:3:12：タスク 'host.fil' はありません" in told.stderr, told.stderr
        assert "ヒント：host.file のことですか" in told.stderr
        assert "hint:" not in told.stderr


def test_an_unknown_language_is_told(project: Path) -> None:
    by_option = stopgap(project, "status", "--lang", "fr")
    assert by_option.returncode == 2
    assert "invalid choice: 'fr'" in by_option.stderr
    by_environment = stopgap(project, "status", STOPGAP_LANG="fr")
    assert by_environment.returncode == 2
    assert "STOPGAP_LANG: no language `fr`; there are en, ja" in by_environment.stderr

"""What shells read to complete the command line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.cli.arguments import parser
from stopgap.orchestrator.cli.completion import completion_of

ASKED = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
$(complete -p stopgap | sed 's/.*-F \\([^ ]*\\).*/\\1/') stopgap "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["stopgap", "evi"], "evidence"),
        (["stopgap", "evidence", "fin"], "findings"),
        (["stopgap", "report", "last", "--form"], "--format"),
        (["stopgap", "report", "last", "--format", ""], "html json md"),
        (["stopgap", "check", "pypro"], "pyproject.toml"),
    ],
)
def test_bash_offers_commands_options_choices_and_files(tmp_path: Path, typed: list[str], offered: str) -> None:
    (tmp_path / "stopgap.bash").write_text(completion_of(parser(whole=True), "bash"))
    (tmp_path / "pyproject.toml").touch()
    words = ["bash", "--norc", "-c", ASKED, "asked", str(tmp_path / "stopgap.bash"), *typed]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert " ".join(sorted(done.stdout.split())) == offered, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_is_completed(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = [
        line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ") and line[4] != " "
    ]
    assert main(["completion", shell]) == 0
    told = capsys.readouterr().out
    assert len(listed) > 25
    assert [command for command in listed if command not in told] == []

"""The packages of running programs: read from this machine's own lists, and from what hosts make up."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.facts import Output, Owners, OwnersFact
from stopgap.orchestrator.hosttext import HostText
from stopgap.tasks.mta.found import package_of


def read(text: str, status: int = 0, *, truncated: bool = False) -> OwnersFact:
    return Owners().parse(Output(HostText(text.encode()), HostText(b""), status, truncated=truncated))


@pytest.mark.skipif(not Path("/var/lib/dpkg/info/dash.list").is_file(), reason="asks the lists of dpkg for dash")
def test_the_shell_that_looks_belongs_to_its_package() -> None:
    done = subprocess.run(["/bin/dash", "-c", Owners().script()], capture_output=True, check=False)
    facts = Owners().parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))
    assert package_of("/usr/bin/dash", facts) == "package dash"


def test_a_path_of_before_the_merge_owns_the_program_too() -> None:
    facts = read(
        "/var/lib/dpkg/info/postfix.list:/usr/lib/postfix/sbin/master\n/var/lib/dpkg/info/x:amd64.list:/sbin/x\nend\n"
    )
    assert package_of("/usr/lib/postfix/sbin/master", facts) == "package postfix"
    assert package_of("/usr/sbin/x", facts) == "package x"
    assert package_of("/usr/sbin/other (deleted)", facts) == "of no package"


@pytest.mark.parametrize(
    ("text", "status", "truncated"),
    [("", 1, False), ("/var/lib/dpkg/info/a.list:/a\n", 0, False), ("end\n", 0, True), ("end\n", 2, False)],
)
def test_what_was_not_read_to_the_end_says_nothing(text: str, status: int, truncated: bool) -> None:
    facts = read(text, status, truncated=truncated)
    assert package_of("/usr/sbin/x", facts) == ""


def test_a_name_that_is_none_is_not_taken() -> None:
    facts = read("/var/lib/dpkg/info/\x1b[2J.list:/a\n/etc/passwd:/a\nend\n")
    assert (facts.packages, facts.known) == ({}, True)

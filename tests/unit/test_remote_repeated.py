"""A text that several scripts of an exchange have is sent once, and each script runs as it was written."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgap.orchestrator.host import CONTROLLER
from stopgap.orchestrator.remote import Item, Limits
from stopgap.orchestrator.remote.local import LocalSession
from stopgap.orchestrator.remote.repeated import SHORTEST, said_once
from stopgap.orchestrator.shell import quote
from stopgap.tasks.evidence.catalogue import shipped

SHELLS = [shell for shell in (["/bin/sh"], ["bash"], ["busybox", "sh"]) if shutil.which(shell[0])]
FUNCTION = 'f() {\n    for each; do\n        printf \'%s %d\\n\' "$each" "${#each}"\n    done\n}\n' * 40
LINES = st.sampled_from(["", "fi", "    done", "it's '", '"$HOME" `id`', "\\", "é\udcff", FUNCTION, "x" * 50])
SCRIPTS = st.lists(st.lists(LINES, max_size=12).map("\n".join), min_size=1, max_size=6)


def expanded(scripts: list[str], shell: list[str]) -> list[str]:
    """The scripts as a host's shell has them."""
    assignments, words = said_once(scripts)
    calls = "".join(f"printf '%s\\0' {word}\n" for word in words)
    said = subprocess.run(
        [*shell, "-s"],
        input=f"{assignments}{calls}".encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=True,
    )
    return said.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_has_every_script_as_it_was_written(shell: list[str]) -> None:
    @given(SCRIPTS)
    def check(scripts: list[str]) -> None:
        assert expanded(scripts, shell) == scripts

    check()


def test_what_two_scripts_have_in_common_is_sent_once() -> None:
    assignments, words = said_once([f"echo one\n{FUNCTION}one", f"echo two\n{FUNCTION}two"])
    assert (assignments + "".join(words)).count("for each; do") == 1


def test_the_scripts_of_a_collection_are_a_third_as_long() -> None:
    catalogue = shipped()
    scripts = [definition.artifact().script for definition in catalogue.profile("triage")]
    assignments, words = said_once(scripts)
    assert len(assignments) + sum(map(len, words)) < sum(map(len, scripts)) / 3


def test_scripts_that_are_short_are_sent_as_they_are() -> None:
    scripts = ["echo one\n" * 20, "echo one\n" * 20]
    assert sum(map(len, scripts)) < SHORTEST
    assert said_once(scripts) == ("", [quote(script) for script in scripts])


def test_a_script_cannot_end_what_it_is_sent_in() -> None:
    hostile = f"{FUNCTION}: '; echo outside; '\n: \"$_sg_t0\"\nf x"
    session = LocalSession(CONTROLLER, Limits())
    first, second = session.exchange([Item(hostile), Item(f"{FUNCTION}f xy")])
    session.close()
    assert (first.stdout.raw, second.stdout.raw) == (b"x 1\n", b"xy 2\n")

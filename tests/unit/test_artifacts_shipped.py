"""What comes with Stopgap as artifacts: data that hold together, scripts that parse, an order that spoils nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from stopgap.orchestrator.findings.table import tables
from stopgap.tasks.evidence.catalogue import shipped
from stopgap.tasks.evidence.collect import Collect
from stopgap.tasks.evidence.definition import VOLATILITIES, Definition

PROFILES = tuple(shipped().profiles)
ALL = tuple(shipped().artifacts.values())


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]], ids=lambda s: s[0])
def test_every_script_parses_in_every_shell(shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    script = "".join(f"f{n}() {{\n{d.artifact().script}\n}}\n" for n, d in enumerate(ALL))
    done = subprocess.run([*shell, "-n", "-s"], input=script.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("definition", ALL, ids=lambda d: d.id)
def test_no_script_uses_what_may_spill_into_a_temporary_file(definition: Definition) -> None:
    script = re.sub(r"(?m)^ *#.*$", "", definition.artifact().script)
    assert not re.search(r"<<-? *[\"'\\\\A-Za-z_]|(?m:^|[|;&(]) *(sort|mktemp|tee|lsof)\b", script)


SERVERS = re.compile(r"(?<![\w/.-])(httpd|crond|ntpd|syslogd|klogd|inetd|dnsd|ftpd|tftpd|telnetd|udhcpd|lpd)(?= -)")
"""Programs that busybox(1) has under the names of others', and that begin to serve."""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("busybox"), reason="a network of its own takes root")
@pytest.mark.parametrize("definition", [d for d in ALL if SERVERS.search(d.artifact().script)], ids=lambda d: d.id)
def test_no_script_starts_a_server_of_busybox(definition: Definition, tmp_path: Path) -> None:
    subprocess.run(["busybox", "--install", "-s", tmp_path], check=True)
    script = f"PATH={tmp_path}\n({definition.artifact().script}\n) >/dev/null 2>&1\n"
    script += "grep -c ' 0A ' /proc/net/tcp /proc/net/tcp6"
    words = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "busybox", "sh", "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["/proc/net/tcp:0", "/proc/net/tcp6:0"], done.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_has_each_artifact_once_and_the_documentation_gives_it_with_its_reason(profile: str) -> None:
    documented = list(Collect().appendix())
    definitions = shipped().profile(profile)
    assert len({d.id for d in definitions}) == len(definitions)
    for definition in definitions:
        assert documented.count(f"- `{definition.id}`: {definition.about} {definition.why}") == 1


def test_every_artifact_belongs_to_the_full_profile() -> None:
    assert {definition.id for definition in shipped().profile("full")} == set(shipped().artifacts)


def test_artifacts_name_the_tables_that_read_them() -> None:
    reading = {
        name: {table.name for table in tables().values() if name in (*table.reads, *table.also)}
        for name in shipped().artifacts
    }
    assert {name: set(definition.tables) for name, definition in shipped().artifacts.items()} == reading


def test_profiles_list_what_is_gone_first_first() -> None:
    for profile in ("volatile", "triage"):
        order = [VOLATILITIES.index(shipped().artifacts[n].volatility) for n in shipped().profiles[profile].artifacts]
        assert order == sorted(order)


def test_no_content_is_read_before_the_times_of_all_files_are_known() -> None:
    order = [definition.id for definition in shipped().profile("full")]
    disk = [name for name in order if shipped().artifacts[name].volatility == "disk"]
    assert order.index("bodyfile") < min(map(order.index, disk))


def test_a_definition_survives_the_way_through_json() -> None:
    for definition in ALL:
        assert Definition.model_validate_json(definition.model_dump_json()) == definition


def test_all_metadata_is_read_before_the_content_of_any_file() -> None:
    order = [definition.id for definition in shipped().profile("triage")]
    assert order[:3] == ["clock", "mounts", "bodyfile"]
    contents = next(n for n, name in enumerate(order) if shipped().artifacts[name].suffix == "tar")
    assert all(order.index(name) < contents for name in ("attributes", "capabilities"))


def test_the_first_words_of_commands_are_programs_not_shell() -> None:
    for definition in ALL:
        for source in definition.reads:
            if source.kind == "run":
                assert all(re.match(r"[a-z]", line) for alternatives in source.commands for line in alternatives)


def test_artifacts_come_in_an_order_that_a_reader_can_count_on() -> None:
    volatile = [definition.id for definition in shipped().profile("volatile")]
    for earlier, later in pairwise(
        ("clock", "processes", "hidden-processes", "sockets", "kernel-log", "running-units")
    ):
        assert volatile.index(earlier) < volatile.index(later)

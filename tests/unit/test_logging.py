"""The log: off by default, by host and step, safe to show, private where it is a file."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stopgap.orchestrator.log import Log

from .bench import Bench, file
from .ssh_server import needs_sshd, serving


def run(bench: Bench, *words: str, before: str = "") -> tuple[int, str, str]:
    runbook = bench.runbook(file(bench, "made"))
    first = [before] if before else []
    return bench.stopgap(*first, "run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes", *words)


def test_nothing_is_logged_unless_asked_for(bench: Bench) -> None:
    runbook = bench.runbook(file(bench, "made"))
    status, _, err = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "gone", "--yes", "--json")
    assert (status, err) == (3, "")


@pytest.mark.parametrize("before", [True, False])
def test_what_is_done_is_told_by_host_and_step(bench: Bench, before: bool) -> None:
    status, _, err = run(bench, before="-v") if before else run(bench, "-v")
    lines = [line.split() for line in err.splitlines()]
    assert status == 0
    assert ["info", "a", "made", "run:", "change-made,"] in [words[1:6] for words in lines]
    assert ["info", "a", "made", "run:", "step-finished,"] in [words[1:6] for words in lines]
    assert not any(words[1] == "debug" for words in lines)


def test_twice_tells_each_exchange_by_its_size(bench: Bench) -> None:
    _, _, err = run(bench, "-vv")
    assert " debug   a - remote: " in err
    assert "new\\n" not in err, "a script, with the content of a file, is not logged"


def test_the_file_is_private_and_grows(bench: Bench) -> None:
    log = bench.top / "log"
    log.write_text("before\n")
    log.chmod(0o644)
    status, _, err = run(bench, "--debug", str(log))
    assert (status, " info " in err) == (0, False)
    assert log.read_text().startswith("before\n")
    assert " a made run: step-finished" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_serve_is_told_and_nothing_is_run(bench: Bench) -> None:
    os.mkfifo(bench.top / "fifo")
    (bench.top / "link").symlink_to(bench.top / "elsewhere")
    for name in ("fifo", "link", "none/log"):
        status, _, err = run(bench, "--debug", str(bench.top / name))
        assert (status, f"--debug {bench.top / name}: " in err) == (2, True), err
    assert not (bench.files / "made").exists()
    assert not (bench.top / "elsewhere").exists()


def test_what_a_host_sent_is_one_harmless_line(caplog: pytest.LogCaptureFixture) -> None:
    log = Log("stopgap.test", host="web")
    with caplog.at_level(logging.DEBUG, "stopgap.test"):
        log.on("cut").warning("it said %s", "\x1b[2Jgone\nroot: \u202eok")
        try:
            raise ValueError("\x07bell")
        except ValueError:
            log.exception("failed")
    first, second = caplog.records
    assert first.getMessage() == r"it said \x1b[2Jgone\x0aroot: \u202eok"
    assert (first.__dict__["host"], first.__dict__["step"]) == ("web", "cut")
    assert (second.getMessage(), second.exc_info) == (r"failed: ValueError: \x07bell", None)


TELLS = """
import logging, sys
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote import connect

class Lines(logging.Handler):
    def emit(self, record):
        print(record.name, record.host, record.getMessage())

logging.getLogger("stopgap").addHandler(Lines())
logging.getLogger("stopgap").setLevel(logging.DEBUG)
connect(Host.model_validate_json(sys.stdin.read()), {}).close()
"""


@needs_sshd
def test_paramiko_tells_of_its_host_too(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        host = server.host(name="edge").model_dump_json()
        done = subprocess.run([sys.executable, "-c", TELLS], input=host, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("stopgap.orchestrator.remote.paramiko ")]
    assert any("kex" in line.lower() for line in told)
    assert {line.split()[1] for line in told} == {"edge"}

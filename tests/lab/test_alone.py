"""Labs side by side on one machine: `scripts/lab alone` gives each a place of its own, and leaves nothing of it."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from lab_hosts.machine import GROUP
from lab_hosts.state import state_of

from .conftest import LAB, ROOT, Lab

CGROUPS = Path("/sys/fs/cgroup")
MARK = "/root/this-one"


def processes(place: str) -> set[int]:
    """Those of a place's hosts, as this process numbers them."""
    files = CGROUPS.glob(f"**/{GROUP}{place}/**/cgroup.procs")
    return {int(number) for file in files for number in file.read_text().split()}


def remains(place: str) -> list[Path]:
    """Files and control groups of a place that is over."""
    return [*CGROUPS.glob(f"**/{GROUP}{place}"), *(p for p in [state_of(place)] if p.exists())]


def test_two_labs_with_the_same_addresses_do_not_meet(lab: Lab) -> None:
    lab.read("web", f"touch {MARK}")
    other = f"""
        echo "$STOPGAP_LAB_PLACE" && scripts/lab up && scripts/lab status >&2 &&
        scripts/lab ssh web 'cat /etc/machine-id; ls {MARK} 2>&1' ; scripts/lab ssh web 'touch /root/other'
    """
    done = lab.run("alone", "sh", "-c", other)
    place, machine_id, mark = done.stdout.splitlines()
    assert machine_id != lab.read("web", "cat /etc/machine-id").strip(), done.stderr
    assert "No such file" in mark
    assert lab.ssh("web", "ls /root/other").returncode == 2
    assert lab.run("status").returncode == 0
    assert remains(place) == []


def test_a_command_alone_keeps_its_words_output_and_exit_status(lab: Lab) -> None:
    done = lab.run(
        "alone", "sh", "-c", 'echo "$1"; cat; ls /run/netns /run/stopgap-lab; exit 7', "sh", "a  b", stdin="in\n"
    )
    assert (done.stdout, done.returncode) == ("a  b\nin\n", 7)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_command_that_is_killed(lab: Lab, number: signal.Signals) -> None:
    words = "scripts/lab up 2>/dev/null; setsid sleep 600 & echo $STOPGAP_LAB_PLACE; exec sleep 600"
    with subprocess.Popen([LAB, "alone", "sh", "-c", words], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        place = process.stdout.readline().strip()
        hosts = processes(place)
        assert len(hosts) > 20
        process.send_signal(number)
        assert process.wait(90) == {signal.SIGKILL: -9}.get(number, 130)
        assert process.stdout.read() == ""  # whoever held the other end is gone
    deadline = time.monotonic() + 30
    while remains(place) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert remains(place) == []
    assert not [number for number in hosts if Path(f"/proc/{number}").exists()]
    assert lab.run("status").returncode == 0

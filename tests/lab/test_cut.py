"""`stopgap cut`: nothing was written before, and the host is cut off, proved, and let back."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forkserver

from .conftest import LAB, ROOT, STATE, Lab
from .world import beacon

pytestmark = pytest.mark.lab

WEB, EDGE, SPARE, ISP = "root@203.0.113.10", "root@10.9.0.1", "root@203.0.113.20", "root@192.0.2.1"
ALL_WAYS = {"udp4", "udp6", "tcp4", "tcp6"}


class Night:
    """An operator with ssh(1) as it is set up at home, and no file of Stopgap's."""

    def __init__(self, lab: Lab, top: Path) -> None:
        self.lab = lab
        self.top = top
        self.known_hosts = top / "known_hosts"
        self.known_hosts.write_text((STATE / "known_hosts").read_text())
        (top / "config").write_text(
            f"Host *\n  IdentityFile {STATE}/id_ed25519\n  UserKnownHostsFile {self.known_hosts}\n"
        )
        (top / "bin").mkdir()
        (top / "bin" / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {top}/config "$@"\n')
        (top / "bin" / "ssh").chmod(0o755)

    @property
    def env(self) -> dict[str, str]:
        path = f"{self.top}/bin:{os.environ['PATH']}"
        return {"STOPGAP_HOME": str(self.top / "state"), "PATH": path}

    def stopgap(self, *argv: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        done = self.lab.exec("operator", str(forkserver.stopgap()), *argv, timeout=timeout, env=self.env)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def undo_all(self) -> None:
        """Take back whatever a test has left in force."""
        for line in self.stopgap("runs").stdout.splitlines():
            if not line.startswith("No run"):
                self.stopgap("undo", line.split()[0], "--yes", "--force")

    def typing(self, answers: dict[str, str], *argv: str) -> tuple[int, str]:
        """Run a command on a terminal, and type the answer to each question; give the status and what was shown.

        `answers`: the end of a question → the line typed; a line with `SHA256:…` is answered with its last letters.
        """
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            os.execve(LAB, [str(LAB), "exec", "operator", "stopgap", *argv], {**os.environ, **self.env})
        shown, waiting, end = "", dict(answers), time.monotonic() + 120
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data.decode("utf-8", "replace")
            for question in [q for q in waiting if shown.rstrip().endswith(q)]:
                fingerprint = re.findall(r"SHA256:([A-Za-z0-9+/]+)", shown)
                line = waiting.pop(question).replace("LAST", fingerprint[-1][-6:] if fingerprint else "")
                os.write(terminal, f"{line}\n".encode())
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


@pytest.fixture
def night(lab: Lab, tmp_path: Path) -> Iterator[Night]:
    made = Night(lab, tmp_path)
    yield made
    made.undo_all()


def test_the_same_host_is_cut_off_by_two_addresses_and_undone_without_a_file(night: Night) -> None:
    before = night.lab.read("edge", "nft -s list ruleset")
    assert beacon(night.lab) == ALL_WAYS

    done = night.stopgap("cut", WEB, "--at", EDGE, "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "takes the driver nftables on 10.9.0.1: nft works there" in done.stdout
    assert night.lab.read("edge", "nft -s list ruleset") == before

    done = night.stopgap("cut", WEB, "--at", EDGE, "--spare", SPARE, "--outside", ISP, "--for", "2h", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2001:db8:113::10 answers from the same network card" in done.stderr
    assert "203.0.113.10 is contained." in done.stdout
    assert not beacon(night.lab, 1.5)
    assert night.lab.http("http://203.0.113.10/") == night.lab.http("http://[2001:db8:113::10]/") == 503

    undo = re.search(r"^Undo: +(stopgap undo \S+)$", done.stdout, re.MULTILINE)
    assert undo, done.stdout
    assert night.stopgap(*undo[1].split()[1:], "--yes").returncode == 0
    assert night.lab.read("edge", "nft -s list ruleset") == before
    assert beacon(night.lab) == ALL_WAYS


def test_one_question_is_asked_and_no_cuts_nothing(night: Night) -> None:
    status, shown = night.typing({"[yes/no]": "no"}, "cut", WEB, "--at", EDGE)
    assert status == 4, shown
    assert shown.count("[yes/no]") == 1
    assert beacon(night.lab) == ALL_WAYS

    status, shown = night.typing({"[yes/no]": "yes"}, "cut", WEB, "--at", EDGE)
    assert status == 0, shown
    assert shown.count("[yes/no]") == 1
    assert not beacon(night.lab, 1.5)


def test_what_is_saved_does_the_same_and_the_undo_needs_no_folder(night: Night) -> None:
    folder = night.top / "saved"
    night.lab.read("web", "ip addr add 203.0.113.11/24 dev eth0")
    try:
        cut = night.stopgap("cut", WEB, "--at", EDGE, "--dry-run", "--save", str(folder), "--json")
        found, *_, last = map(json.loads, cut.stdout.splitlines())
        assert {one["address"] for one in found["confirmed"]} == {"203.0.113.11", "2001:db8:113::10"}

        ran = night.stopgap("run", f"{folder}/cut.yaml", "-i", f"{folder}/inventory.yaml", "--yes", "--json")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout.splitlines()[-1])["plan_digest"] == last["plan_digest"]
        assert not beacon(night.lab, 1.5)
    finally:
        night.lab.read("web", "ip addr del 203.0.113.11/24 dev eth0")

    for path in folder.iterdir():
        path.unlink()
    assert night.stopgap("undo", "last", "--yes").returncode == 0
    assert beacon(night.lab) == ALL_WAYS


def test_an_unknown_host_key_is_refused_where_nobody_can_be_asked_and_accepted_by_its_last_letters(
    night: Night,
) -> None:
    known = [
        line for line in night.known_hosts.read_text().splitlines() if "10.9.0.1" not in line.split()[0].split(",")
    ]
    night.known_hosts.write_text("\n".join(known) + "\n")

    done = night.stopgap("cut", WEB, "--at", EDGE, "--yes")
    assert done.returncode == 4, done.stdout
    shown = night.lab.read("edge", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    assert shown in done.stderr
    assert "ssh-keyscan" in done.stderr
    assert beacon(night.lab) == ALL_WAYS

    status, said = night.typing({"or no:": "LAST", "[yes/no]": "yes"}, "cut", WEB, "--at", EDGE)
    assert status == 0, said
    assert shown in said
    assert not beacon(night.lab, 1.5)
    assert night.stopgap("undo", "last", "--yes").returncode == 0


def test_a_router_with_iptables_alone_is_cut_off_at_with_iptables(night: Night) -> None:
    night.lab.read("edge", "mv /usr/sbin/nft /usr/sbin/nft.away")
    try:
        done = night.stopgap("cut", WEB, "--at", EDGE, "--outside", ISP, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "takes the driver iptables on 10.9.0.1" in done.stdout
        assert "203.0.113.10 is contained." in done.stdout
        assert night.stopgap("undo", "last", "--yes").returncode == 0
    finally:
        night.lab.read("edge", "mv /usr/sbin/nft.away /usr/sbin/nft")
    assert beacon(night.lab) == ALL_WAYS


def test_a_host_that_does_not_answer_is_cut_off_all_the_same(night: Night) -> None:
    night.lab.run("pause", "web")
    try:
        done = night.stopgap("cut", WEB, "--at", EDGE, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "table inet stopgap_" in night.lab.read("edge", "nft list tables")
    finally:
        night.lab.run("resume", "web")

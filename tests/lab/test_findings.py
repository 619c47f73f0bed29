"""Everything that was planted on the broken-into host is found, and on its twin, where people work, nothing but that.

What was collected goes into an archive that dissect.target opens, and it shows what was planted too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from recall_rig.__main__ import named, plant, texts, too_loud
from recall_rig.listed import LISTED
from recall_rig.trace import GUARD

from tests import forkserver

from .aftermath import TRACES, leave

if TYPE_CHECKING:
    from .conftest import Lab

PLANTED = {
    "the beacon, hidden from ps": ("process-hidden-from-ps", "kswapd1"),
    "the beacon, named like a thread of the kernel": ("process-like-kernel-thread", "kswapd1"),
    "the beacon, a script that talks to the network": ("running-foreign", "kswapd1"),
    "the beacon, run out of the kit": ("process-from-hidden-place", "/usr/share/.fonts/kswapd1"),
    "the program that was deleted while it runs": ("process-deleted-program", "sshd-net"),
    "the kit's hidden directory": ("directory-hidden", "/usr/share/.fonts"),
    "the replaced ps, by the controller's hash": ("tool-altered", "/bin/ps"),
    "the replaced ifconfig, by the controller's hash": ("tool-altered", "/sbin/ifconfig"),
    "the replaced ps, by the host's dpkg": ("package-program-altered", "/bin/ps"),
    "the replaced ps, a script": ("tool-script", "/bin/ps"),
    "the cron job that starts the beacon again": ("start-from-hidden-place", "/etc/cron.d/kswap"),
    "the cron job that no package brought": ("mechanism-scheduled", "/etc/cron.d/kswap"),
    "the key": ("key-odd", "admin@localhost"),
    "the history, fetching the kit": ("history-fetched", "kit.tgz"),
    "the history, replacing tools": ("history-tools-replaced", "mv /bin/ps"),
    "the history, arranging to come back": ("history-made-to-stay", "authorized_keys"),
    "the history, making files immutable": ("history-attributes", "chattr +i"),
    "the history, deleting a running program": ("history-program-removed", "rm sshd-net"),
    "the history, going on to the next host": ("history-onward", "root@203.0.113.30"),
    "the web shell, by what it does": ("web-file-hostile", "runs what a visitor sends"),
    "the web shell, by how it hides": ("web-file-hostile", "unpacks what it runs"),
    "the web shell, by where it lies": ("web-program-in-uploads", "logo.php"),
    "the directory in /tmp whose name is made to be overlooked": ("name-odd", "/tmp/.. "),
    "the immutable directory": ("attribute-system", "/usr/sbin"),
    "the immutable sshd": ("attribute-system", "/usr/sbin/sshd"),
    "the mail that it was made to send": ("queue-senders", "shop@example.jp"),
} | {what: (trace.rule, trace.shown) for what, trace in TRACES.items()}
PLANTED |= {
    "a script in an address": ("request-attack", "<script>alert(1)</script>: 200"),
    "an injection in an address": ("request-attack", "UNION SELECT password: 200"),
    "an injection that was refused": ("request-attack-refused", "UNION SELECT password: 404"),
    "the web shell, as it was called": ("request-program-in-uploads", "/uploads/logo.php: 200"),
}
"""What `scripts/lab_hosts/plant` and `aftermath` do → the rule that finds it, and what the finding shows."""


HABITS = (Path(__file__).resolve().parents[2] / "scripts/recall_rig/habits.sh").read_text()
"""What people do on a host where nothing is wrong."""
OUTSIDE = ("-p", "outside=1-1000,31337-31340")
"""Enough ports for the lab."""


@pytest.fixture(scope="module")
def home(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State of a run that has collected both profiles from the host and from its twin, on which people work."""
    state = tmp_path_factory.mktemp("state")
    leave(lab)
    worked = lab.run("ssh", "neighbour", "sh", "-s", stdin=f"{GUARD}{HABITS}")
    assert worked.returncode == 0, worked.stderr
    planted = lab.run("ssh", "spare", "sh", "-s", stdin=plant(LISTED))
    assert planted.returncode == 0, planted.stderr
    words = ("-i", "inventories/lab.yaml", "-t", "customers", "-t", "spare", *OUTSIDE, "--yes")
    run = lab.exec(
        "operator", str(forkserver.stopgap()), "run", "collect", *words,
        env={"STOPGAP_HOME": str(state)}, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Findings on web: " in run.stdout
    assert "Findings on neighbour: " in run.stdout
    return state


def findings(home: Path, host: str) -> list[dict[str, Any]]:
    judged = [json.loads(file.read_text()) for file in home.glob("runs/*/evidence/*/*/findings.json")]
    about = [each for each in judged if each["target"] == host]
    assert sorted(each["profile"] for each in about) == ["outside", "triage", "volatile"]
    return [finding for each in about for finding in each["findings"]]


@pytest.mark.parametrize("what", PLANTED)
def test_what_was_planted_is_found(home: Path, what: str) -> None:
    rule, shown = PLANTED[what]
    seen = [s["what"] for f in findings(home, "web") if f["id"] == rule for s in f["seen"]]
    assert any(shown in text for text in seen), seen


def test_on_the_clean_twin_nothing_is_loud_and_nothing_is_told_but_what_people_did_there(
    home: Path,
) -> None:
    found = findings(home, "neighbour")
    assert list(too_loud(found)) == []
    shown = [(rule, text) for severity, rule, text in texts(found) if severity != "info"]
    assert [each for each in shown if not any(path in HABITS for path in re.findall(r"/[\w./-]+", each[1]))] == []


def test_nine_of_ten_traces_that_public_reports_tell_of_are_named(home: Path) -> None:
    shown = list(texts(findings(home, "spare")))
    severities = {trace.id: named(trace, shown)[0] for trace in LISTED}
    assert sum(severity not in {"raw", "info"} for severity in severities.values()) >= 68, severities
    assert sum(severity in {"critical", "high", "medium"} for severity in severities.values()) >= 60, severities


def test_the_worst_findings_of_the_broken_into_host_are_critical_and_the_report_names_them(home: Path) -> None:
    assert sum(finding["severity"] == "critical" for finding in findings(home, "web")) >= 6
    (report,) = home.glob("runs/*/report.html")
    assert "The host&#39;s ps leaves out a process that /proc lists" in report.read_text()


def test_the_docs_name_every_planted_item(home: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/findings.md").read_text()
    for what, (rule, _) in PLANTED.items():
        assert f"| {what} | `{rule}` |" in page


@pytest.fixture(scope="module")
def archive(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "web.tar"
    for words in (["evidence", "export", "last", "-t", "web", "-o", str(path)], ["verify", str(path)]):
        done = subprocess.run(
            [Path(sys.executable).with_name("stopgap"), *words],
            env=os.environ | {"STOPGAP_HOME": str(home)}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    return path


def dissected(archive: Path, functions: str, *words: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("target-query"), "-q", *words, "-f", functions, archive],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dissect_knows_the_host_in_the_archive(archive: Path) -> None:
    assert dissected(archive, "hostname,version").split(maxsplit=2)[2].startswith("web Debian GNU/Linux")


def test_dissect_finds_in_the_archive_what_was_planted(archive: Path, lab: Lab) -> None:
    functions = "users,bashhistory,authlog,cronjobs,ssh.authorized_keys,services,processes"
    records = [json.loads(line) for line in dissected(archive, functions, "-j").splitlines()]
    of: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record["_type"] == "record":
            of.setdefault(record["_recorddescriptor"][0], []).append(record)
    history = lab.read("web", "cat /root/.bash_history").splitlines()
    assert [record["command"] for record in of["unix/history"] if record["username"] == "root"] == history
    users = lab.read("web", "cut -d: -f1 /etc/passwd").split()
    assert [record["name"] for record in of["unix/user"]] == users
    keys = {record["comment"] for record in of["application/openssh/authorized_keys"]}
    assert keys == {"operator", "admin@localhost"}
    assert any("/usr/share/.fonts/kswapd1" in record["command"] for record in of["unix/cronjob"])
    assert {"kswapd1", "sshd-net", "apache2"} <= {record["name"] for record in of["linux/proc/processes"]}
    assert {"sshd.service", "apache2.service"} <= {record["name"] for record in of["linux/service"]}
    assert any("session opened for user root" in record["message"] for record in of["linux/log/auth"])

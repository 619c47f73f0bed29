"""What starts a stopped mail server again: held beforehand, or told at the end of the run and by `status`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .operator import Operator

if TYPE_CHECKING:
    from .conftest import Lab

MAIL = """\
name: Stop the mail server
params:
  later: {type: string, default: "true", description: What happens on the host meanwhile}
steps:
  - id: mail
    task: mta.stop
    with: {look_again: 3s}
  - id: later
    task: host.command
    with: {argv: [sh, -c, "{{ params.later }}"], reads: true}
"""
SNEAKY = "systemd-run --quiet --unit sneaky -p Type=forking /usr/sbin/postfix start"
GUARD = "/etc/cron.d/keep-mail"


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    it = Operator(lab, tmp_path / "state")
    (tmp_path / "mail.yaml").write_text(MAIL)
    assert lab.tcp("203.0.113.10", 25)
    yield it
    lab.ssh("web", f"rm -f {GUARD}; systemctl stop sneaky.service; postfix stop 2>/dev/null")
    it.undo_all()
    lab.ssh("web", "systemctl unmask postfix.service postfix@-.service; systemctl restart postfix.service")


def mail(operator: Operator) -> str:
    return str(operator.home.parent / "mail.yaml")


def test_status_looks_again_and_says_by_what_a_stopped_server_runs(lab: Lab, operator: Operator) -> None:
    ran = operator.run(mail(operator), "-t", "web", "--yes")
    assert ran.status == 0, ran.out + ran.err
    fine = operator.stopgap("status")
    assert fine.status == 0, fine.out
    assert "in force, as web says" in fine.out

    lab.read("web", SNEAKY)
    wrong = operator.stopgap("status")
    assert wrong.status == 1, wrong.out
    assert "no longer as the step left it:" in wrong.out
    assert "in sneaky.service" in " ".join(wrong.out.split())
    assert "203.0.113.10:25 is closed: open, seen from isp" in wrong.out


def test_a_run_looks_again_at_its_end_and_fails_where_the_server_runs_again(lab: Lab, operator: Operator) -> None:
    words = ("run", mail(operator), "-i", operator.inventory, "-t", "web", "--yes")
    ran = operator.stopgap(*words, "-p", f"later={SNEAKY}; sleep 5")
    assert ran.status == 1, ran.out + ran.err
    assert "No longer so at the end of the run: no process of a mail server is left" in " ".join(ran.out.split())


def test_a_line_of_cron_is_found_held_for_the_run_and_put_back(lab: Lab, operator: Operator) -> None:
    text = "* * * * * root postfix status || postfix start\n"
    lab.read("web", f"echo '{text.strip()}' >{GUARD} && chmod 640 {GUARD}")
    words = (mail(operator), "-i", operator.inventory, "-t", "web")
    shown = " ".join(operator.stopgap("run", *words, "--dry-run").out.split())
    assert f"would start it again, and is held: cron by {GUARD}" in shown
    assert "looked at again 3s after the stop" in shown
    assert lab.read("web", f"cat {GUARD}") == text

    ran = operator.stopgap("run", *words, "--yes")
    assert ran.status == 0, ran.out + ran.err
    assert lab.read("web", f"cat {GUARD}") == f"# stopgap: {text}"
    assert operator.stopgap("undo", "last", "--yes").status == 0
    assert lab.read("web", f"cat {GUARD}; stat -c %a {GUARD}") == f"{text}640\n"

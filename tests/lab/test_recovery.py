"""The way back: a contained host returns in order, its web site before its mail, a person deciding at each turn."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.records import Answered, Asked

from .conftest import LAB, ROOT, Lab
from .operator import CONTAIN, Operator
from .world import beacon

WEB = ("http://203.0.113.10/", "http://[2001:db8:113::10]/")
WORDS = ("-p", "runs=last", "-p", "least=critical", "-p", "watch=2s", "-p", "after=2s")


class Recovery:
    """A recovery that waits for answers."""

    def __init__(self, operator: Operator, *argv: str) -> None:
        self.home = operator.home
        self.process = subprocess.Popen(
            [LAB, "exec", "operator", "env", f"STOPGAP_HOME={operator.home}", "stopgap", *argv, "--wait"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def until_asked(self, step: str) -> str:
        """Answer everything with yes, or accept it, until this step asks; give the question's reason."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            with Journal.open(self.home) as journal:
                history = self._history(journal)
                for asked in history.waiting if history else ():
                    if asked.step == step:
                        return asked.question.reason
                    assert history
                    self._answer(journal, history.run, asked, "")
            time.sleep(0.2)
        raise AssertionError(f"{step} never asked: {self.process.communicate()[0]}")

    def answer(self, step: str, says: str) -> None:
        with Journal.open(self.home) as journal:
            history = self._history(journal)
            assert history
            for asked in history.waiting:
                if asked.step == step:
                    self._answer(journal, history.run, asked, says)

    def end(self) -> tuple[int, str]:
        """Answer all that is left; give exit status and output."""
        with pytest.raises(AssertionError):
            self.until_asked("nothing")
        return self.process.returncode, ""

    def _history(self, journal: Journal) -> History | None:
        latest = journal.runs()[0]
        return journal.history(latest.id) if latest.runbook.startswith("Bring") else None

    def _answer(self, journal: Journal, run: str, asked: Asked, says: str) -> None:
        question = asked.question
        usual = {
            "yes-no": question.phrase or "yes",
            "choice": "cleaned",
            "text": "an upload form of the shop, removed",
            "decisions": "all accepted: the lab's own",
        }
        said = question.read(says or usual[question.type])
        place = {"step": asked.step, "target": asked.target, "question": asked.question.text}
        journal.append(run, Answered(**place, answer=said, by="noc@lab"))


@pytest.fixture(scope="module")
def operator(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    made = Operator(lab, tmp_path_factory.mktemp("state"))
    yield made
    made.undo_all()


def test_a_contained_host_comes_back_in_order(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    before = lab.rules(), lab.services("web"), lab.services("spare")
    assert operator.run(*CONTAIN, "--yes").status == 0
    first = operator.stopgap("runs").out.split()[0]
    recover = ("runbooks/recover.yaml", "-i", operator.inventory, "-t", "web", *WORDS)
    dry = operator.stopgap("run", *recover, "--dry-run")
    assert dry.status == 0, dry.err
    assert "edge: delete table inet stopgap_web" in dry.out
    assert f"+ take back step mail of run {first}" in dry.out
    refused = operator.stopgap("run", *recover, "--yes")
    assert (refused.status, "nobody is there to answer" in refused.err) == (4, True)

    recovery = Recovery(operator, "run", *recover)
    listed = recovery.until_asked("credentials")
    assert "SSH host keys of 203.0.113.10" in listed
    assert "/etc/ssh/ssh_host_" in listed
    assert [lab.http(url) for url in WEB] == [503, 503]
    queue = recovery.until_asked("queue")
    assert "shop@example.jp: 5 messages to customer@shipping.example" in queue
    assert [lab.http(url) for url in WEB] == [200, 200], "the web site comes first"
    assert not lab.tcp("203.0.113.10", 25)
    assert not lab.tcp("203.0.113.10", 22)
    assert beacon(lab) == set(), "nothing leaves it by itself"
    assert lab.read("web", "systemctl is-active postfix@- || true").strip() == "inactive"
    assert lab.services("spare") == before[2]

    recovery.until_asked("lift")
    assert lab.read("web", "systemctl is-active postfix@-").strip() == "active"
    assert not lab.tcp("203.0.113.10", 25), "mail is let in when the block is lifted"
    recovery.answer("lift", "no")
    assert recovery.process.wait(60) == 4
    status = operator.stopgap("status")
    assert status.status == 0, status.out
    assert "edge" in status.out, "until somebody agrees, the rest stays cut off"

    recovery = Recovery(operator, "resume", "last")
    recovery.until_asked("lift")
    recovery.answer("lift", "lift web")
    assert recovery.end()[0] == 0
    assert (lab.rules(), lab.services("web"), lab.services("spare")) == before
    assert [lab.http(url) for url in WEB] == [200, 200]
    assert lab.tcp("203.0.113.10", 25)
    assert operator.stopgap("status").status == 0
    for run in (first, "last"):
        shown = operator.stopgap("show", run)
        assert "Nothing of it is in force." in shown.out, shown.out
        assert operator.stopgap("verify", run).status == 0

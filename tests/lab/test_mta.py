"""mta.stop against the real Postfix of the lab's web: stopped, kept stopped, and back as it was."""

from __future__ import annotations

import re
import time
from base64 import b64decode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.facts import Output, Reader, SystemFact
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.task import Note
from stopgap.tasks.mta.stop import StopMta, StopMtaFacts, StopMtaParams

if TYPE_CHECKING:
    from tests.lab.conftest import Lab

WEB = Host.model_validate(
    {"name": "web", "address": "203.0.113.10", "addresses": ["203.0.113.10", "2001:db8:113::10"]}
)
SCENE = Scene(target=WEB, on=WEB)
TASK, NOTHING = StopMta(), StopMtaParams()
UNITS = (
    "systemctl list-unit-files --no-legend --no-pager | grep -vw transient;"
    "find /etc/systemd /etc/rc?.d -printf '%p %l\\n' | sort"
)
STATES = "systemctl show -p Id,LoadState,ActiveState,UnitFileState postfix.service postfix@-.service"
QUEUE = (
    "cd /var/spool/postfix &&"
    " find maildrop incoming active deferred hold -type f -printf '%f %i %u:%g %m %s\\n' | sort"
)


class Web:
    """The host, through the task's own interface."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def read(self, *readers: Reader[Any]) -> list[Any]:
        """Facts, all in one exchange."""
        script = "; ".join(
            f'o=$(sh -c {quote(r.script())} | base64 -w0; exit ${{PIPESTATUS[0]}}); echo "$? $o"' for r in readers
        )
        answers = [line.split(" ") for line in self.lab.read("web", script).splitlines()]
        return [
            reader.parse(Output(HostText(b64decode(text)), HostText(b""), int(status)))
            for reader, (status, text) in zip(readers, answers, strict=True)
        ]

    def facts(self) -> StopMtaFacts:
        probe = {name: r for name, r in TASK.probe(NOTHING, SCENE).items() if isinstance(r, Reader)}
        return StopMtaFacts.of(dict(zip(probe, self.read(*probe.values()), strict=True)))

    def plan(self) -> tuple[list[Change], list[str]]:
        planned = list(TASK.plan(NOTHING, self.facts(), SCENE))
        return [p for p in planned if isinstance(p, Change)], [p.text for p in planned if isinstance(p, Note)]

    def sh(self, script: str) -> int:
        return self.lab.ssh("web", f"sh -c {quote(script)}").returncode

    def undo(self, changes: list[Change]) -> list[int]:
        return [self.sh(change.undo_script()) for change in reversed(changes)]

    def check(self, vantage: str, about: str) -> bool | None:
        """Judge one of the task's checks until it holds or its patience is over."""
        checks = TASK.checks(NOTHING, StopMtaFacts(system=SystemFact()), SCENE)
        check = next(c for c in checks if (c.vantage, c.describe()) == (vantage, about))
        deadline = time.monotonic() + check.patience
        while True:
            judged = check.judge(self.read(check.reader())[0]).holds
            if judged or time.monotonic() > deadline:
                return judged
            time.sleep(0.1)

    def listens(self, *, wanted: bool) -> bool:
        """Whether the operator gets through to port 25, given ten seconds to become as wanted."""
        deadline = time.monotonic() + 10
        while (now := self.lab.tcp("203.0.113.10", 25, "operator")) != wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        return now


@pytest.fixture
def web(lab: Lab) -> Iterator[Web]:
    """Web with Postfix running; whatever a test leaves, it runs again."""
    it = Web(lab)
    before = lab.read("web", UNITS)
    assert it.listens(wanted=True)
    yield it
    lab.ssh("web", "systemctl unmask postfix.service postfix@-.service; systemctl start postfix.service")
    assert it.listens(wanted=True)
    assert lab.read("web", UNITS) == before


def test_postfix_is_stopped_stays_stopped_and_comes_back_as_it_was(web: Web):
    units, states, queue = (web.lab.read("web", command) for command in (UNITS, STATES, QUEUE))
    changes, notes = web.plan()
    there = re.findall("^Id=(.*)\nLoadState=loaded\nActiveState=active$", states, re.MULTILINE)
    assert [change.preview() for change in changes] == [[f"$ systemctl mask --now {' '.join(there)}"]]
    assert any("stay queued" in note for note in notes)

    assert [web.sh(change.do_script()) for change in changes] == [0]
    assert web.check("target", "nothing listens on 25, 465, 587, 2525")
    assert web.check("target", "no process of a mail server is left")
    assert not web.listens(wanted=False)

    for start in ("service postfix start", *(f"systemctl start {unit}" for unit in there)):
        assert web.sh(start) != 0
    masks = "cd /etc/systemd/system && readlink postfix.service postfix@-.service || true"
    assert web.lab.read("web", masks) == "/dev/null\n" * len(there)
    assert web.lab.read("web", QUEUE) == queue
    assert web.plan()[0] == []
    assert [web.sh(change.do_script()) for change in changes] == [0]

    assert web.undo(changes) == [0]
    assert web.listens(wanted=True)
    assert web.lab.read("web", UNITS) == units
    assert web.lab.read("web", STATES) == states
    assert web.undo(changes) == [0]
    assert web.lab.read("web", UNITS) == units


def test_a_dry_run_reads_and_leaves_units_and_queue_alone(web: Web):
    lock_of_its_lister = "ls /var/spool/postfix/pid | grep showq || true"
    state = f"{UNITS}; {STATES}; {QUEUE}; {lock_of_its_lister}"
    web.lab.read("web", "rm -f /var/spool/postfix/pid/unix.showq")
    before = web.lab.read("web", state)
    assert web.plan()[0] == web.plan()[0]
    assert web.lab.read("web", state) == before


def test_a_unit_in_etc_which_cannot_be_masked_is_kept_from_starting_all_the_same(web: Web):
    own = "/etc/systemd/system/postfix.service"
    web.lab.read("web", f"cp /lib/systemd/system/postfix.service {own} && systemctl daemon-reload")
    try:
        before = web.lab.read("web", UNITS)
        changes, _ = web.plan()
        assert [web.sh(change.do_script()) for change in changes] == [0]
        web.sh("systemctl start postfix")
        assert web.check("target", "no process of a mail server is left")
        assert not web.listens(wanted=False)
        assert web.plan()[0] == []
        assert web.undo(changes) == [0]
        assert web.listens(wanted=True)
        assert web.lab.read("web", UNITS) == before
    finally:
        web.lab.read("web", f"rm -rf {own} {own}.d && systemctl daemon-reload")


def test_a_postfix_that_somebody_started_by_hand_is_ended_too(web: Web):
    web.lab.read("web", "systemctl stop postfix.service postfix@-.service && postfix start 2>&1")
    assert web.listens(wanted=True)
    changes, _ = web.plan()
    assert [web.sh(change.do_script()) for change in changes] == [0]
    assert web.check("target", "no process of a mail server is left")
    assert web.undo(changes) == [0]
    assert web.listens(wanted=True)
    web.lab.read("web", "postfix stop 2>&1")

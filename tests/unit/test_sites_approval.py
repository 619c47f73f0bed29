"""A run at a site that takes two people: the plan is made at the site, and waits there for the second."""

from __future__ import annotations

import json
import os

import pytest

from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.sites.carrying import LATER, carry_on, main
from stopgap.orchestrator.sites.pausing import WAITS

from .bench import Bench
from .postgres import Cluster
from .test_roles import Team


@pytest.fixture
def shift(bench: Bench, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setenv("STOPGAP_QUEUE", cluster.url())
    return Team(bench, monkeypatch)


def last() -> str:
    with Journal.open(state_home()) as journal:
        return journal.resolve("last")


def test_the_plan_of_a_site_is_approved_from_afar_and_then_carried_out(shift: Team) -> None:
    status, said = shift.run("--site", "tokyo")
    assert status == 0, said
    shift.be("stranger")  # what a runner has no key for
    assert carry_on(last(), None) == WAITS
    assert carry_on(last(), None) == WAITS
    assert not shift.written
    shift.be("aki")
    status, said = shift.stopgap("approve", "last", "--yes")
    assert status == 0, said
    assert str(shift.bench.files / "x") in said, "the approver sees the plan that the site has made"
    shift.be("stranger")
    assert (carry_on(last(), None), shift.written) == (0, True)


def test_a_plan_that_has_drifted_since_the_approval_ends_refused_and_can_be_ordered_again(shift: Team) -> None:
    shift.run("--site", "tokyo")
    assert carry_on(last(), None) == WAITS
    shift.be("aki")
    shift.stopgap("approve", "last", "--yes")
    (shift.bench.files / "x").write_text("somebody else's\n")
    assert carry_on(last(), None) == 4
    assert json.loads(shift.stopgap("show", "last", "--json")[1])["state"] == "refused"
    (shift.bench.files / "x").unlink()
    shift.be("kei")
    assert shift.stopgap("resume", "last", "--site")[0] == 0
    assert (carry_on(last(), None), shift.written) == (0, True)


def test_a_run_that_the_site_refuses_does_not_wait_for_ever(shift: Team) -> None:
    shift.write(shift={"people": ["kei"], "may": ["view", "run"]})
    assert shift.run("--site", "tokyo")[0] == 0
    shift.write(shift={"people": ["kei"], "may": ["view"]})
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        os._exit(main([str(parent), last()]))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) not in {0, LATER}
    assert json.loads(shift.stopgap("show", "last", "--json")[1])["state"] == "refused"

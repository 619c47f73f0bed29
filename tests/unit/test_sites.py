"""Runs at sites: which site a run belongs to, and what a runner carries on there. `scripts/sites` plays the queue."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.inventory import load_inventory, parse_inventory
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.records import Answered, AnyRecord, Asked, StepFinished, StepStarted
from stopgap.orchestrator.journal.site_records import RunQueued
from stopgap.orchestrator.outcome import Outcome
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.roles import ActRefused
from stopgap.orchestrator.run.host_lock import locking
from stopgap.orchestrator.run.order import Order, order_here
from stopgap.orchestrator.run.runner import run_started
from stopgap.orchestrator.runbook import parse_runbook
from stopgap.orchestrator.sites.carrying import LATER, carry_on, end_with, main
from stopgap.orchestrator.sites.pausing import WAITS, only_asks
from stopgap.orchestrator.sites.queue import CUT, REST, queue_address
from stopgap.orchestrator.sites.splitting import by_site, lock_of, priority_of

from .bench import Bench, file

HOSTS = """
hosts:
  edge: {address: 10.9.0.1, site: tokyo, may_block: [203.0.113.0/24]}
  web1: {address: 203.0.113.1, upstream: edge}
  web2: {address: 198.51.100.2, site: osaka}
  web3: {address: 198.51.100.3}
  web4: {address: 203.0.113.4, upstream: edge, site: osaka}
"""


def order(*targets: str, task: str = "traffic.block") -> Order:
    inventory = parse_inventory(HOSTS, "hosts.yaml")
    runbook = parse_runbook(json.dumps({"name": "One step", "steps": [{"task": task}]}), "r.yaml")
    return order_here(runbook, inventory, inventory.select(targets), {})


def test_targets_are_split_by_their_site_or_that_of_the_router_above() -> None:
    inventory = parse_inventory(HOSTS, "hosts.yaml")
    runbook = parse_runbook('{"name": "Look", "steps": [{"task": "mta.review"}]}', "r.yaml")
    whole = order_here(runbook, inventory, inventory.select(["web1", "web2"]), {})
    parts = by_site(whole, "auto")
    assert {site: [target.name for target in part.targets] for site, part in parts.items()} == {
        "tokyo": ["web1"],
        "osaka": ["web2"],
    }
    assert list(by_site(order("web1"), "tokyo")) == ["tokyo"]


@pytest.mark.parametrize(
    ("targets", "choice", "said"),
    [
        (["web3"], "auto", "web3 has no `site`"),
        (["web2"], "tokyo", "web2 stands at osaka, not at tokyo"),
        (["web4"], "auto", "edge stands at tokyo, and its target at osaka"),
    ],
)
def test_what_no_runner_could_reach_is_refused(targets: list[str], choice: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        by_site(order(*targets), choice)
    assert said in str(error.value)


def test_cuts_go_first_and_one_router_takes_one_run_at_a_time() -> None:
    assert (priority_of(order("web1")), lock_of(order("web1"))) == (CUT, "edge")
    assert (priority_of(order("web2", task="mta.review")), lock_of(order("web2"))) == (REST, "")


@pytest.mark.parametrize("environ", [{}, {"STOPGAP_JOURNAL": "/var/lib/stopgap"}])
def test_a_queue_needs_a_database(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        queue_address(environ)


def ordered(bench: Bench, **more: Any) -> str:
    """Begin a run at the site `tokyo` that writes a file on the host `a`; return its id."""
    inventory = load_inventory(bench.inventory)
    runbook = parse_runbook(json.dumps({"name": "A file", "steps": [file(bench, "x")], **more}), "r.yaml")
    with Journal.open(state_home()) as journal:
        run = journal.begin(run_started(order_here(runbook, inventory, inventory.select(["a"]), {}), "noc"))
        journal.append(run, RunQueued(site="tokyo"))
        journal.let_go(run)
    return run


def test_a_run_waits_for_a_runner_which_carries_it_on_once(bench: Bench) -> None:
    run = ordered(bench)
    with Journal.open(state_home()) as journal:
        assert journal.history(run).state == "waiting"
        assert journal.runs()[0].state == "waiting"
    assert carry_on(run, None) == 0
    assert (bench.files / "x").read_text() == "new\n"
    (bench.files / "x").unlink()
    assert carry_on(run, None) == 0
    assert not (bench.files / "x").exists(), "a run that has ended is left as it is"


def asks(bench: Bench) -> str:
    """Begin a run at the site `tokyo` that asks between two files; return its id."""
    question = {"id": "told", "task": "checkpoint", "with": {"ask": "Told the provider?", "reason": "They can help."}}
    return ordered(bench, steps=[file(bench, "first"), question, file(bench, "second", "asked\n")])


def in_a_process_of_its_own(run: str) -> int:
    """Carry a run on as a runner does; return the exit status."""
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        os._exit(main([str(parent), run]))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_run_that_waits_for_an_answer_lets_go_and_goes_on_from_a_new_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stopgap.orchestrator.sites.patience.HOLDS", 0.01)
    run = asks(bench)
    assert in_a_process_of_its_own(run) == WAITS
    with Journal.open(state_home()) as journal:
        before = journal.heads()
        assert (journal.is_held(run), journal.history(run).state, journal.runs()[0].state) == (
            False, "running", "running",
        )  # fmt: skip
        assert journal.verify(run) == []
    assert carry_on(run, None) == WAITS, "nobody has answered yet"
    other = ordered(bench, steps=[file(bench, "second", "another run's\n")])
    assert carry_on(other, None) == 0, "the host is free"
    assert bench.stopgap("answer", run, "told", "yes")[0] == 0
    assert carry_on(run, None) == 0
    assert (bench.files / "second").read_text() == "asked\n"
    with Journal.open(state_home()) as journal:
        history = journal.history(run)
        assert [entry.record.kind for entry in history.entries].count("asked") == 1
        assert (history.state, journal.heads()[run] > before[run]) == ("ok", True)
    assert bench.stopgap("undo", run, "--here", "--yes")[0] == 0
    assert (bench.files / "second").read_text() == "another run's\n", "the rest was planned on what stood there"


def test_a_paused_run_waits_for_a_host_that_another_run_has_and_can_be_undone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stopgap.orchestrator.sites.patience.HOLDS", 0.01)
    run = asks(bench)
    assert in_a_process_of_its_own(run) == WAITS
    assert bench.stopgap("answer", run, "told", "yes")[0] == 0
    hosts = [load_inventory(bench.inventory).hosts["a"]]
    with Journal.open(state_home()) as journal, locking(state_home(), "kei@noc", hosts, journal.claims):
        assert in_a_process_of_its_own(run) == LATER
    assert not (bench.files / "second").exists()
    assert bench.stopgap("undo", run, "--here", "--yes")[0] == 0
    assert not (bench.files / "first").exists()


def test_a_run_is_not_paused_while_anything_but_questions_is_open() -> None:
    place = {"step": "told", "target": "a"}
    began = StepStarted(**place, host="a", name="Told", task="checkpoint")
    asked = Asked(**place, question=Question(text="Told the provider?", reason=""))
    timed = Asked(**place, question=Question(text="Told the provider?", reason="", timeout=60.0))
    other = StepStarted(step="look", target="a", host="a", name="Look", task="evidence.collect")
    answered = Answered(**place, question="Told the provider?", answer="yes", by="kei@noc")
    ended = StepFinished(step="look", target="a", host="a", outcome=Outcome.UNCHANGED)

    def asks_only(*records: AnyRecord) -> bool:
        return only_asks([Entry(number, datetime.now(UTC), record) for number, record in enumerate(records)])

    assert asks_only(began, asked)
    assert asks_only(began, other, asked, ended)
    assert not asks_only(began)
    assert not asks_only(began, asked, other)
    assert not asks_only(began, asked, answered)
    assert not asks_only(began, timed)


def test_the_sinks_of_a_runner_are_told_what_it_carries_on(bench: Bench) -> None:
    run, told = ordered(bench), bench.top / "events.jsonl"
    (state_home() / "sinks.yaml").write_text(f"sinks: {{archive: {{kind: file, path: {told}}}}}\n")
    assert carry_on(run, None) == 0
    events = [json.loads(line)["event"] for line in told.read_text().splitlines()]
    assert "step-finished" in events and events[-1] == "run-finished"


def test_a_run_that_somebody_works_on_is_left_for_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopgap.orchestrator.sites.carrying.LEASE", -timedelta(minutes=1))
    run = ordered(bench)
    with Journal.open(state_home()) as journal, journal.hold(run):
        assert in_a_process_of_its_own(run) == LATER
    assert not (bench.files / "x").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [(None, "a is no host of"), ({"addresses": ["127.0.0.9"]}, "a is another host in")],
)
def test_the_inventory_of_the_site_says_how_hosts_are_reached(
    bench: Bench, tmp_path: Path, change: dict[str, Any] | None, said: str
) -> None:
    run = ordered(bench)
    own = json.loads(bench.inventory.read_text())
    own["hosts"]["a"] |= change or {}
    if change is None:
        del own["hosts"]["a"]
    path = tmp_path / "site.yaml"
    path.write_text(json.dumps(own))
    with pytest.raises(RefusedError) as error:
        carry_on(run, load_inventory(path))
    assert said in str(error.value)
    assert not (bench.files / "x").exists()
    assert carry_on(run, load_inventory(bench.inventory)) == 0


def test_a_site_with_roles_carries_on_nothing_that_nobody_has_signed(bench: Bench) -> None:
    run = ordered(bench)
    roles = {"people": {"kei": {"page": "kei"}}, "roles": {"shift": {"people": ["kei"], "may": ["run"]}}}
    (state_home() / "roles.yaml").write_text(json.dumps(roles))
    with pytest.raises(ActRefused) as error:
        carry_on(run, None)
    assert "was begun by nobody whom the roles know" in str(error.value)
    assert not (bench.files / "x").exists()


def test_the_process_of_a_run_ends_where_its_runner_is_gone() -> None:
    pid = os.fork()
    if pid == 0:
        end_with(1 << 22)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == LATER

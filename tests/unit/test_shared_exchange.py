"""Targets behind one router: their blocks go there in one exchange, and a failure of one is nobody else's."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

import stopgap
from stopgap.orchestrator.change import RunCommands, command
from stopgap.orchestrator.facts import Gateways, Output, Routes
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import RunStarted
from stopgap.orchestrator.outcome import PlannedOutcome
from stopgap.orchestrator.plan import OutOfReach, PlannedStep
from stopgap.orchestrator.remote import Item, Limits, Unreachable
from stopgap.orchestrator.remote.local import LocalSession
from stopgap.orchestrator.run import host_lock
from stopgap.orchestrator.run.apply import apply_apart
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.host_lock import HostLocks
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.shared import Shared

(STEP,) = stopgap.load_runbook("mine", text="{name: Cut, steps: [{id: cut, task: traffic.block}]}").steps
ROUTER = Host(name="edge", address="127.0.0.1", connection="local")


class Counted(LocalSession):
    """A shell of this machine's that counts its exchanges."""

    def __init__(self) -> None:
        super().__init__(ROUTER, Limits())
        self.exchanges: list[int] = []

    def exchange(self, items: Sequence[Item], **words: Any) -> list[Output]:
        self.exchanges.append(len(items))
        return super().exchange(items, **words)


def step(n: int, script: str) -> PlannedStep:
    change = RunCommands(about=f"block {n}", do=(command("sh", "-c", script),), undo=(command("true"),))
    return PlannedStep(
        key="cut", number=1, step=STEP,
        target=Host(name=f"t{n}", address=f"203.0.113.{n}"), on=ROUTER,
        outcome=PlannedOutcome.WOULD_CHANGE, changes=(change,),
    )  # fmt: skip


def record_in(folder: Path) -> Recorder:
    journal = Journal.open(folder)
    words = dict.fromkeys(("version", "runbook_name", "runbook_path", "runbook_text", "inventory_path"), "x")
    started = RunStarted(**words, inventory_text="", hosts=(), targets=(), params={}, operator="me")
    return Recorder(journal, journal.begin(started), ())


def test_blocks_that_come_while_one_is_made_share_an_exchange(tmp_path: Path) -> None:
    session, shared, record = Counted(), Shared(), record_in(tmp_path / "home")
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    scripts = [f"touch {begun}; until [ -e {gate} ]; do sleep 0.02; done", *["true"] * 8, "exit 3", "true"]
    with (
        ConnectionPool({"edge": ROUTER}, lambda *_, **__: session) as pool,
        ThreadPoolExecutor(len(scripts)) as workers,
    ):
        futures = [workers.submit(shared.apply, step(0, scripts[0]), pool, record, Interruption())]
        while not begun.exists():
            time.sleep(0.01)
        for n, script in enumerate(scripts[1:], 1):
            futures.append(workers.submit(shared.apply, step(n, script), pool, record, Interruption()))
        while shared.blocks.waiting("edge") < len(scripts) - 1:
            time.sleep(0.01)
        gate.touch()
        outcomes = [future.result().outcome for future in futures]
    assert outcomes == ["done"] * 9 + ["failed", "done"]
    assert session.exchanges == [1, 10]
    history = record.history()
    assert {change.target for change in history.changes} == {f"t{n}" for n in range(11)}


def test_a_claim_that_was_lost_ends_the_blocks_of_all_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_lock, "FOLDER", str(tmp_path / "run"))
    session, record = Counted(), record_in(tmp_path / "home")
    mine, other = (
        HostLocks(who, home, frozenset({"edge"}), take_over=True) for who, home in (("me", "aa"), ("ana", "bb"))
    )
    with ConnectionPool({"edge": ROUTER}, lambda *_, **__: session) as pool:
        for locks in (mine, other):
            item = locks.item(ROUTER)
            assert item is not None
            locks.heard(ROUTER, session.exchange([item])[0])
        pool.locks = mine
        steps = [step(n, f"touch {tmp_path}/made-{n}") for n in range(2)]
        applied = apply_apart(steps, pool, record, Interruption())
    assert [each.outcome for each in applied] == ["drifted", "drifted"]
    assert "ana" in applied[1].reason
    assert not list(tmp_path.glob("made-*"))
    assert session.exchanges == [1, 1, 3]


def test_a_router_out_of_reach_is_out_of_reach_for_all(tmp_path: Path) -> None:
    shared, record, met = Shared(), record_in(tmp_path / "home"), threading.Barrier(3)

    def refuse(*_: object, **__: object) -> LocalSession:
        raise Unreachable("edge", "it refuses", "refused")

    def apply(n: int) -> None:
        met.wait()
        with pytest.raises(OutOfReach):
            shared.apply(step(n, "true"), pool, record, Interruption())

    with ConnectionPool({"edge": ROUTER}, refuse) as pool, ThreadPoolExecutor(3) as workers:
        list(workers.map(apply, range(3)))


def test_ports_are_probed_in_one_window_for_all_targets() -> None:
    shared, session, met = Shared(), Counted(), threading.Barrier(8)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        here = ip_address("127.0.0.1")
        there, nowhere = listening.getsockname()[1], 1

        def probe(n: int) -> Any:
            met.wait()
            return shared.probe(ROUTER, ((here, there), (here, nowhere)), pool)

        with ConnectionPool({"edge": ROUTER}, lambda *_, **__: session) as pool, ThreadPoolExecutor(8) as workers:
            answers = list(workers.map(probe, range(8)))
    assert {(each[here, there].outcome, each[here, nowhere].outcome) for each in answers} == {("open", "refused")}
    assert len(session.exchanges) < 8


def test_blocks_of_a_plan_wait_for_each_other_and_share_the_first_exchange(tmp_path: Path) -> None:
    session, shared, record = Counted(), Shared(), record_in(tmp_path / "home")
    steps = [step(n, "true") for n in range(6)]
    shared.expect(steps)
    with (
        ConnectionPool({"edge": ROUTER}, lambda *_, **__: session) as pool,
        ThreadPoolExecutor(len(steps)) as workers,
    ):
        for future in [workers.submit(shared.apply, each, pool, record, Interruption()) for each in steps]:
            assert future.result().outcome == "done"
    assert session.exchanges == [6]


def test_first_exchange_waits_only_a_moment_for_a_block_that_does_not_come(tmp_path: Path) -> None:
    session, shared, record = Counted(), Shared(), record_in(tmp_path / "home")
    steps = [step(n, "true") for n in range(2)]
    shared.expect(steps)
    with ConnectionPool({"edge": ROUTER}, lambda *_, **__: session) as pool:
        assert [shared.apply(each, pool, record, Interruption()).outcome for each in steps] == ["done", "done"]
    assert session.exchanges == [1, 1]


def test_follow_up_scripts_of_blocks_share_exchanges_and_say_each_its_own(tmp_path: Path) -> None:
    session, shared, record = Counted(), Shared(), record_in(tmp_path / "home")
    scripts = [f"echo {n} flows forgotten" for n in range(5)] + ["echo no >&2; exit 4"]
    steps = []
    for n, script in enumerate(scripts):
        (change,) = step(n, "true").changes
        after = change.model_copy(update={"afterwards": (command("sh", "-c", script),)})
        steps.append(replace(step(n, "true"), changes=(after,)))
    shared.expect(steps)
    with (
        ConnectionPool({"edge": ROUTER}, lambda *_, **__: session) as pool,
        ThreadPoolExecutor(len(steps)) as workers,
    ):
        made = [
            future.result()
            for future in [workers.submit(shared.apply, each, pool, record, Interruption()) for each in steps]
        ]
    assert [each.outcome for each in made] == ["done"] * 6
    assert [each.reason for each in made[:5]] == [f"{n} flows forgotten" for n in range(5)]
    assert "no" in made[5].reason
    assert sum(session.exchanges) == 12
    assert len(session.exchanges) <= 4


def test_checks_of_several_targets_are_read_at_one_vantage_in_shared_exchanges() -> None:
    session, shared = Counted(), Shared()
    readers = [(Gateways(), Routes((ip_address(f"127.0.0.{n}"),))) for n in range(1, 7)]
    shared.looks.expect({ROUTER.name: len(readers)})
    with (
        ConnectionPool({"edge": ROUTER}, lambda *_, **__: session) as pool,
        ThreadPoolExecutor(len(readers)) as workers,
    ):
        found = [future.result() for future in [workers.submit(shared.look, ROUTER, each, pool) for each in readers]]
    assert [tuple(each) for each in found] == readers
    assert [each[routes][0].address for each, (_, routes) in zip(found, readers, strict=True)] == [
        ip_address(f"127.0.0.{n}") for n in range(1, 7)
    ]
    assert sum(session.exchanges) < len(readers)

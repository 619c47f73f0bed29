"""What cuts a host off does not wait for that host, which may be silent for as long as it likes."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.facts import File, Output, Reader
from stopgap.orchestrator.host import CONTROLLER, Host
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.journal.lock import take
from stopgap.orchestrator.plan import Look, NotYet, OutOfReach, Wanted
from stopgap.orchestrator.plan.fact_cache import FactCache, FactRequest
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.remote import Item
from stopgap.orchestrator.run import connection_pool as fleets
from stopgap.orchestrator.run.connection_pool import ConnectionPool

from .bench import Bench, outcomes
from .ssh_server import Server, needs_sshd, serving
from .test_connection_pool import Line, absent, said

pytestmark = needs_sshd


@dataclass
class Gate:
    """Accepts connections, and says nothing until it is opened; then it leads to a server."""

    port: int
    opened_by: str = field(default="", init=False)
    """`time`: whoever was awaited did not come while somebody was held."""


@contextmanager
def gate(server: Server, until: Callable[[], bool]) -> Iterator[Gate]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Gate(listener.getsockname()[1])
        threading.Thread(target=_hold_all, args=(listener, server.port, until, made), daemon=True).start()
        yield made


def _hold_all(listener: socket.socket, port: int, until: Callable[[], bool], made: Gate) -> None:
    while True:
        try:
            held, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_hold, args=(held, port, until, made), daemon=True).start()


def _hold(held: socket.socket, port: int, until: Callable[[], bool], made: Gate) -> None:
    end = time.monotonic() + 60
    while not until() and time.monotonic() < end:
        time.sleep(0.02)
    made.opened_by = made.opened_by or ("wish" if until() else "time")
    with held, socket.create_connection(("127.0.0.1", port)) as onward:
        while True:
            for one in select.select([held, onward], [], [])[0]:
                try:
                    data = one.recv(65536)
                    (onward if one is held else held).sendall(data)
                except OSError:
                    return
                if not data:
                    return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "sshd").mkdir()
    with serving(tmp_path / "sshd") as running:
        yield running


@pytest.fixture
def steps(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A cut on the router, which is this machine, and a file on the target."""
    monkeypatch.setattr(type(tasks()["host.command"]), "contains", True)
    cut = {"argv": ["touch", str(bench.files / "cut")], "undo": ["rm", str(bench.files / "cut")]}
    return [
        {"id": "cut", "task": "host.command", "on": "upstream", "with": cut},
        {"id": "file", "task": "host.file", "with": {"path": str(bench.files / "on-target"), "content": "x"}},
    ]


def cut_is_made(bench: Bench) -> Callable[[], bool]:
    return (bench.files / "cut").exists


def write_inventory(bench: Bench, server: Server, port: int, *, pinned: bool = True) -> None:
    known = (server.folder / "known_hosts").read_text().replace(str(server.port), str(port))
    (bench.top / "known_hosts").write_text(known if pinned else "")
    described = server.host(upstream="a", port=port, known_hosts=bench.top / "known_hosts")
    inventory = json.loads(bench.inventory.read_text())
    inventory["hosts"]["web"] = {
        "address": "127.0.0.1",
        "port": port,
        "user": described.user,
        "upstream": "a",
        "identity": str(described.identity),
    }
    bench.inventory.write_text(json.dumps(inventory))


def test_a_silent_target_is_cut_off_while_it_is_still_silent(
    bench: Bench, server: Server, steps: list[dict[str, Any]]
) -> None:
    with gate(server, cut_is_made(bench)) as held:
        write_inventory(bench, server, held.port, pinned=False)
        status, done = bench.run(bench.runbook(*steps), "--yes", target="web")
    assert held.opened_by == "wish"
    assert (status, outcomes(done)) == (3, {"cut": "changed", "file": "unreachable"})
    assert [event["host"] for event in done if event["event"] == "host-unreachable"] == ["web"]
    planned = {event["step"]: event for event in done if event["event"] == "step-planned"}
    assert planned["file"]["reason"] == "it has not answered so far, and what contains does not wait for it"


def test_a_slow_target_is_planned_for_when_its_turn_comes(
    bench: Bench, server: Server, steps: list[dict[str, Any]]
) -> None:
    with gate(server, cut_is_made(bench)) as held:
        write_inventory(bench, server, held.port)
        needing = {**steps[1], "id": "needing", "needs": ["file"]}
        needing["with"] = {**needing["with"], "path": str(bench.files / "needing")}
        status, done = bench.run(bench.runbook(*steps, needing), "--yes", target="web")
    assert held.opened_by == "wish"
    assert (status, outcomes(done)) == (0, {"cut": "changed", "file": "changed", "needing": "changed"})
    assert (bench.files / "on-target").exists()
    assert (bench.files / "needing").exists()


def test_the_plan_of_a_run_is_its_dry_runs_however_late_the_target_answers(
    bench: Bench, server: Server, steps: list[dict[str, Any]]
) -> None:
    needing = {**steps[1], "id": "needing", "needs": ["file"]}
    needing["with"] = {**needing["with"], "path": str(bench.files / "needing")}
    runbook = bench.runbook(*steps, needing)
    dry_run_is_over = threading.Event()
    with gate(server, lambda: not dry_run_is_over.is_set() or cut_is_made(bench)()) as held:
        write_inventory(bench, server, held.port)
        _, dry = bench.run(runbook, "--dry-run", target="web")
        dry_run_is_over.set()
        status, done = bench.run(runbook, "--yes", target="web")
    assert status == 0
    assert {event["outcome"] for event in done if event["event"] == "step-planned"} > {"would-change"}
    assert done[-1]["plan_digest"] == dry[-1]["plan_digest"]
    run = done[-1]["run"]
    _, shown, _ = bench.stopgap("show", run, "--json")
    assert json.loads(shown)["plan"]["digest"] == dry[-1]["plan_digest"]


def test_what_the_controller_knows_is_always_waited_for() -> None:
    awaited: list[frozenset[str] | None] = []

    def look(wanted: Sequence[Wanted], needed: frozenset[str] | None = None) -> dict[tuple[str, Reader[Any]], Look]:
        awaited.append(needed)
        return {(host.name, reader): OutOfReach("not asked") for host, reader in wanted}

    request = FactRequest(CONTROLLER, File("/a"), own=False)
    FactCache(look, urgent=True).prefetch([request], frozenset({"router"}))
    FactCache(look, urgent=False).prefetch([request], frozenset({"router"}))
    assert awaited == [{"router", "controller"}, None]


def test_a_dry_run_and_a_saved_plan_wait_for_it(bench: Bench, server: Server, steps: list[dict[str, Any]]) -> None:
    begun = time.monotonic()
    with gate(server, lambda: time.monotonic() > begun + 2) as held:
        write_inventory(bench, server, held.port)
        runbook, saved = bench.runbook(*steps), str(bench.top / "plan")
        status, dry = bench.run(runbook, "--dry-run", "--save-plan", saved, target="web")
        assert (status, outcomes(dry)) == (0, {"cut": "would-change", "file": "would-change"})
        begun = time.monotonic()
        status, done = bench.run(runbook, "--yes", "--plan", saved, target="web")
        assert (status, outcomes(done)) == (0, {"cut": "changed", "file": "changed"})


def test_a_step_that_is_planned_late_is_refused_where_another_holds_its_host(
    bench: Bench, server: Server, steps: list[dict[str, Any]]
) -> None:
    with gate(server, cut_is_made(bench)) as held:
        write_inventory(bench, server, held.port)
        locks = private_folder(bench.top / "home" / "locks")
        lock = take(locks / re.sub(r"[^\w.-]", "_", f"127.0.0.1_{held.port}"))
        assert lock is not None
        try:
            status, done = bench.run(bench.runbook(*steps), "--yes", target="web")
        finally:
            os.close(lock)
    assert (status, outcomes(done)) == (4, {"cut": "changed", "file": "refused"})
    assert not (bench.files / "on-target").exists()


def test_who_is_not_needed_is_waited_for_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "PATIENCE", 0.0)
    spoken = threading.Event()
    router, target = Host(name="router", address="192.0.2.1"), Host(name="target", address="192.0.2.2")

    def silent(_: Line, items: Sequence[Item]) -> list[Output]:
        spoken.wait(10)
        return [said("absent\n") for _ in items]

    def connect(host: Host, hosts: object, *, alone: bool = False) -> Line:
        return Line(absent if host == router else silent, host)

    wanted = [(target, File("/a")), (router, File("/a"))]
    with ConnectionPool({}, connect) as connection_pool:
        found = connection_pool.look(wanted, frozenset({"router"}))
        assert isinstance(found["target", File("/a")], NotYet)
        assert not isinstance(found["router", File("/a")], Exception)
        spoken.set()
        assert not isinstance(connection_pool.look(wanted)["target", File("/a")], Exception)

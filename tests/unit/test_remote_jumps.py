"""Hosts behind a jump host share one login to it; how many logins are under way at once, and where."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote import ConnectAhead, Handshakes, Item, Limits, Session, Unreachable
from stopgap.orchestrator.remote.transport import HardenedTransport

from .bench import Bench, outcomes
from .ssh_server import Server, needs_sshd, serving, wait_until


@pytest.fixture
def jump(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "jump").mkdir()
    with serving(tmp_path / "jump") as running:
        yield running


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "behind").mkdir()
    with serving(tmp_path / "behind") as running:
        yield running


def hosts_of(jump: Server, behind: Server, number: int) -> dict[str, Host]:
    hosts = [behind.host(name=f"h{n}", jump="jump") for n in range(number)]
    return {host.name: host for host in (jump.host(name="jump"), *hosts)}


def says(session: Session) -> bytes:
    return session.exchange([Item("echo there")])[0].stdout.raw


def is_left_alone() -> bool:
    return not any(isinstance(thread, HardenedTransport) for thread in threading.enumerate())


@needs_sshd
def test_all_that_lies_behind_a_jump_host_costs_one_login_there(jump: Server, behind: Server) -> None:
    hosts = hosts_of(jump, behind, 6)
    targets = [host for host in hosts.values() if host.jump]
    with ConnectAhead(hosts) as connect, ThreadPoolExecutor(6) as pool:
        sessions = list(pool.map(lambda host: connect(host, hosts), targets))
        assert [says(session) for session in sessions] == [b"there\n"] * 6
        assert (jump.logins, behind.logins) == (1, 6)
        for session in sessions[1:]:
            session.close()
        assert says(sessions[0]) == b"there\n", "the others' end is not this one's"
        sessions[0].close()
        wait_until(is_left_alone)
        again = connect(targets[0], hosts)
        assert says(again) == b"there\n"
        assert jump.logins == 2, "the last one behind it closed it"
        again.close()
    wait_until(is_left_alone)


@needs_sshd
def test_a_connection_that_is_to_prove_the_way_in_shares_nothing(jump: Server, behind: Server) -> None:
    hosts = hosts_of(jump, behind, 1)
    with ConnectAhead(hosts) as connect:
        shared, alone = connect(hosts["h0"], hosts), connect(hosts["h0"], hosts, alone=True)
        assert jump.logins == 2
        shared.close()
        assert says(alone) == b"there\n"
        alone.close()
    wait_until(is_left_alone)


@needs_sshd
def test_a_jump_host_that_refuses_is_named_to_all_who_wait(jump: Server, behind: Server) -> None:
    hosts = hosts_of(jump, behind, 4)
    (jump.folder / "authorized").write_text("")
    with ConnectAhead(hosts) as connect, ThreadPoolExecutor(4) as pool:

        def refusal(host: Host) -> tuple[str, str]:
            with pytest.raises(Unreachable) as raised:
                connect(host, hosts)
            return raised.value.host, raised.value.kind

        assert set(pool.map(refusal, [host for host in hosts.values() if host.jump])) == {("jump", "auth")}
    wait_until(is_left_alone)


@needs_sshd
def test_a_jump_host_that_was_lost_is_logged_in_to_anew(jump: Server, behind: Server) -> None:
    hosts = hosts_of(jump, behind, 2)
    with ConnectAhead(hosts) as connect:
        first = connect(hosts["h0"], hosts)
        jump.cut_all()
        wait_until(lambda: not first.alive)
        second = connect(hosts["h1"], hosts)
        assert says(second) == b"there\n"
        assert jump.logins == 2
        first.close()
        assert says(second) == b"there\n"
        second.close()
    wait_until(is_left_alone)


@needs_sshd
def test_a_run_on_hosts_behind_a_jump_host_logs_in_there_once(bench: Bench, jump: Server, behind: Server) -> None:
    described = jump.host()
    keys = [(server.folder / "known_hosts").read_text() for server in (jump, behind)]
    (bench.top / "known_hosts").write_text("".join(keys))
    defaults = {"known_hosts": "./known_hosts", "user": described.user}
    inner = {"port": behind.port, "jump": "jump", "identity": str(behind.folder / "id")}
    hosts = {
        "jump": {"address": "127.0.0.1", "port": jump.port, "identity": str(jump.folder / "id")},
        **{f"h{n}": {"address": "127.0.0.1" if n == 0 else "localhost", **inner} for n in range(2)},
    }
    with (bench.top / "known_hosts").open("a") as known:
        known.write(keys[1].replace("127.0.0.1", "localhost"))
    groups = {"all": {"hosts": ["h0", "h1"]}}
    bench.inventory.write_text(json.dumps({"defaults": defaults, "hosts": hosts, "groups": groups}))
    step = {"id": "x", "task": "host.file", "with": {"path": str(bench.files / "{{ target.name }}"), "content": "x"}}
    status, done = bench.run(bench.runbook(step), "--yes", target="all")
    assert (status, set(outcomes(done).values())) == (0, {"changed"})
    assert (jump.logins, behind.logins) == (1, 2)


def test_a_router_waits_in_no_line_of_silent_targets() -> None:
    silent = [Host(name=f"t{n}", address=f"192.0.2.{n}", upstream="router") for n in range(3)]
    router = Host(name="router", address="192.0.2.9")
    over = threading.Event()
    handshakes = Handshakes([*silent, router], Limits(handshakes=2), "test")
    try:
        waiting = [handshakes.submit(host, lambda: over.wait(10)) for host in silent]
        assert handshakes.submit(router, lambda: "in").result(5) == "in"
        assert not any(future.done() for future in waiting)
        over.set()
        assert all(future.result(5) for future in waiting)
    finally:
        over.set()
        handshakes.shutdown()


@pytest.mark.parametrize("jump", [None, "jump"])
def test_so_many_log_in_at_one_host_or_through_one_and_others_pass_by(jump: str | None) -> None:
    hosts = [Host(name=f"h{n}" if jump else "h", address="192.0.2.1", jump=jump) for n in range(6)]
    other = Host(name="other", address="192.0.2.7")
    limits = Limits(logins=2, through=2)
    handshakes = Handshakes([*hosts, other], limits, "test")
    begun, most, over, lock = [0], [0], threading.Event(), threading.Lock()

    def log_in() -> None:
        with lock:
            begun[0] += 1
            most[0] = max(most[0], begun[0])
        over.wait(10)
        with lock:
            begun[0] -= 1

    try:
        futures = [handshakes.submit(host, log_in) for host in hosts]
        wait_until(lambda: begun[0] == 2)
        assert handshakes.submit(other, lambda: "in").result(5) == "in"
        over.set()
        for future in futures:
            future.result(5)
        assert most[0] == 2
    finally:
        over.set()
        handshakes.shutdown()


def test_whoever_still_waits_when_it_ends_is_told_and_what_comes_later_is_discarded() -> None:
    host, over, discarded = Host(name="h", address="192.0.2.1"), threading.Event(), threading.Event()

    def slow() -> str:
        over.wait(10)
        return "late"

    handshakes = Handshakes([host], Limits(logins=1), "test")
    first = handshakes.submit(host, slow, lambda made: discarded.set())
    second = handshakes.submit(host, slow)
    wait_until(first.running)
    handshakes.shutdown()
    for future in (first, second, handshakes.submit(host, slow)):
        with pytest.raises(CancelledError):
            future.result(0)
    over.set()
    assert discarded.wait(180)

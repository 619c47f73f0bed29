"""Names with several addresses, of which one is dead; servers that take long, and what the inventory gives them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.remote import Item, Limits, Unreachable, connect
from stopgap.orchestrator.remote.connect import limits_of
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.tcp import connect_tcp

from .ssh_server import Server, needs_sshd, serving
from .test_urgent_cut import gate

Resolve = Callable[..., None]


@contextmanager
def dead(address: str, port: int) -> Iterator[None]:
    """Have an address that answers no SYN: a listener whose backlog is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((address, port))
        yield


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Let names resolve to these addresses."""
    really = socket.getaddrinfo

    def let(**names: list[str]) -> None:
        def look_up(name: str, port: int, *rest: Any, **options: Any) -> Any:
            found = names.get(name.replace(".example", ""))
            if found is None:
                return really(name, port, *rest, **options)
            return [each for address in found for each in really(address, port, *rest, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return let


@contextmanager
def listening(address: str = "127.0.0.1") -> Iterator[int]:
    with socket.create_server((address, 0)) as listener:
        yield listener.getsockname()[1]


def reached(name: str, port: int, seconds: float = 20) -> str:
    with connect_tcp(name, port, Deadline(seconds), 30) as connection:
        return str(connection.getpeername()[0])


def test_a_dead_address_hides_no_good_one(resolve: Resolve) -> None:
    with listening() as port, dead("127.0.0.8", port), dead("127.0.0.9", port):
        resolve(dual=["127.0.0.8", "127.0.0.9", "127.0.0.1"])
        assert reached("dual.example", port) == "127.0.0.1"


def test_an_address_that_refuses_or_cannot_be_routed_to_costs_no_time(resolve: Resolve) -> None:
    with listening() as port:
        resolve(dual=["127.0.0.8", "2001:db8:dead::1", "127.0.0.1"])
        assert reached("dual.example", port) == "127.0.0.1"


def test_the_first_that_answers_is_taken_in_the_resolvers_order(resolve: Resolve) -> None:
    with listening("127.0.0.2") as port, socket.create_server(("127.0.0.3", port)):
        resolve(dual=["127.0.0.2", "127.0.0.3"])
        assert reached("dual.example", port) == "127.0.0.2"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_the_families_take_turns(resolve: Resolve) -> None:
    """Three dead addresses of one family are not all waited for before the first of the other."""
    with listening() as port, ExitStack() as stack:
        others = [f"127.0.0.{n}" for n in range(8, 60)]
        for address in others:
            stack.enter_context(dead(address, port))
        resolve(dual=[*others, "::ffff:127.0.0.1"])
        began = time.monotonic()
        reached("dual.example", port)
        assert time.monotonic() - began < 0.25 * len(others)


def test_where_none_answers_the_deadline_is_kept_and_where_all_refuse_that_is_said(resolve: Resolve) -> None:
    with listening() as port:
        pass
    resolve(dual=["127.0.0.8", "127.0.0.9"])
    with pytest.raises(ConnectionRefusedError):
        reached("dual.example", port)
    with dead("127.0.0.8", port), pytest.raises(TimeoutError):
        reached("dual.example", port, 0.5)


def test_nothing_stays_open_of_those_that_lost(resolve: Resolve) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with listening() as port, dead("127.0.0.8", port):
        resolve(dual=["127.0.0.8", "127.0.0.1"])
        reached("dual.example", port)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def pin(server: Server, name: str, port: int) -> Path:
    """Pin the server's key under another name and port."""
    path = server.folder / f"known-{name}-{port}"
    key = (server.folder / "known_hosts").read_text().split(" ", 1)[1]
    path.write_text(f"[{name}]:{port} {key}")
    return path


@needs_sshd
@pytest.mark.parametrize("jumps", [False, True])
def test_a_host_or_jump_host_with_a_dead_address_is_logged_in_to(
    jumps: bool, server: Server, resolve: Resolve
) -> None:
    name, port = "dual.example", server.port
    resolve(dual=["127.0.0.8", "127.0.0.1"])
    dual = server.host(name="dual", address=name, known_hosts=pin(server, name, port))
    behind = server.host(name="behind", jump="dual")
    with dead("127.0.0.8", port):
        session = connect(behind if jumps else dual, {"dual": dual, "behind": behind})
    assert session.exchange([Item("echo in")])[0].stdout.raw == b"in\n"
    session.close()


SOON = Limits(connect=0.3, start=0.3)


@needs_sshd
@pytest.mark.parametrize("key", ["connect_timeout", "first_word_timeout"])
def test_an_sshd_that_takes_long_gets_the_time_that_the_inventory_gives_it(key: str, server: Server) -> None:
    opened = threading.Event()
    with gate(server, opened.is_set) as held:
        known = pin(server, "127.0.0.1", held.port)
        with pytest.raises(Unreachable) as raised:
            connect(server.host(port=held.port, known_hosts=known), {}, SOON)
        assert "`connect_timeout` in the inventory gives it longer" in raised.value.reason
        threading.Timer(0.6, opened.set).start()
        slow = server.host(port=held.port, known_hosts=known, **{key: "60s"})
        connect(slow, {}, SOON).close()


@needs_sshd
def test_a_jump_host_that_takes_long_gets_its_time_too(server: Server) -> None:
    opened = threading.Event()
    with gate(server, opened.is_set) as held:
        known = pin(server, "127.0.0.1", held.port)
        jump = server.host(name="jump", port=held.port, known_hosts=known, connect_timeout="60s")
        threading.Timer(0.6, opened.set).start()
        connect(server.host(jump="jump"), {"jump": jump}, SOON).close()


@needs_sshd
def test_a_shell_that_takes_long_to_its_first_word_gets_the_time_too(server: Server) -> None:
    marker = server.folder / "may-speak"
    slow = f"while ! [ -e {marker} ]; do sleep 0.05; done\n"
    (server.folder / ".bashrc").write_text(slow)
    (server.folder / ".profile").write_text(slow)
    limits = Limits(start=0.3)
    hasty = connect(server.host(), {}, limits)
    assert hasty.exchange([Item("echo in", deadline=60)])[0].status is None
    hasty.close()
    session = connect(server.host(first_word_timeout="60s"), {}, limits)
    threading.Timer(0.8, marker.touch).start()
    assert session.exchange([Item("echo in", deadline=60)])[0].status == 0
    session.close()


def test_the_times_add_up_along_the_way() -> None:
    inventory = parse_inventory(
        json.dumps(
            {
                "defaults": {"first_word_timeout": "15s"},
                "hosts": {
                    "gate": {"address": "192.0.2.1", "connect_timeout": "20s"},
                    "web": {"address": "192.0.2.2", "jump": "gate", "connect_timeout": "1m"},
                },
            }
        ),
        "inventory.yaml",
    )
    hosts = inventory.hosts
    assert hosts["web"].connect_timeout == timedelta(minutes=1)
    assert limits_of(hosts["gate"], hosts, Limits()) == Limits(connect=35, start=15)
    assert limits_of(hosts["web"], hosts, Limits()) == Limits(connect=60 + 15 + 20 + 15, start=15)
    assert limits_of(hosts["gate"].model_copy(update={"connect_timeout": None}), {}, Limits()).connect == 25


@pytest.mark.parametrize("key", ["connect_timeout", "first_word_timeout"])
@pytest.mark.parametrize("value", [30, "30", 0, "0s", "500ms", "1h", "soon", True])
def test_a_time_without_a_unit_or_out_of_reason_is_refused(key: str, value: object) -> None:
    for where in ({"defaults": {key: value}, "hosts": {"a": {"address": "192.0.2.1"}}},):
        with pytest.raises(InvalidInput):
            parse_inventory(json.dumps(where), "inventory.yaml")
    with pytest.raises(InvalidInput):
        parse_inventory(json.dumps({"hosts": {"a": {"address": "192.0.2.1", key: value}}}), "inventory.yaml")

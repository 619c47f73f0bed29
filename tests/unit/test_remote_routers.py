"""Connections to routers: compressed, and with the next shell begun ahead, as a cut is a few exchanges."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from stopgap.orchestrator.remote import Item, connect
from stopgap.orchestrator.remote.compression import DELAYED
from stopgap.orchestrator.remote.connect import compresses
from stopgap.orchestrator.remote.session import Session

from .ssh_server import Server, assert_no_connection_stays, needs_sshd, serving, wait_until

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """No connection outlives its test, however it ended."""
    yield
    assert_no_connection_stays()


def test_what_a_router_is_sent_and_answers_is_compressed(server: Server):
    session = connect(server.host(may_block=(ip_network("203.0.113.0/24"),)), {})
    transport = session._connection.transport
    assert (transport.local_compression, transport.remote_compression) == (DELAYED, DELAYED)
    text = "é" * 500_000
    sent, random = session.exchange([Item(f"printf %s '{text}'", cap=2 << 20), Item("head -c 300000 /dev/urandom")])
    assert sent.stdout.raw == text.encode()
    assert len(random.stdout.raw) == 300_000
    session.close()


def test_compression_goes_on_over_new_keys(tmp_path: Path):
    with serving(tmp_path, "RekeyLimit 100K") as server:
        session = connect(server.host(may_block=(ip_network("203.0.113.0/24"),)), {})
        for _ in range(3):
            random = session.exchange([Item("head -c 300000 /dev/urandom"), Item(f": '{'é' * 150_000}'; echo there")])
            assert len(random[0].stdout.raw) == 300_000
            assert random[1].stdout.raw == b"there\n"
        session.close()


def test_a_password_for_root_is_not_compressed_and_neither_is_what_goes_through_a_router(server: Server):
    router = {"may_block": (ip_network("203.0.113.0/24"),)}
    behind = connect(server.host(jump="router"), {"router": server.host(name="router", **router)})
    assert behind._connection.gateway.transport.local_compression == "none"
    behind.close()
    assert compresses(server.host(**router))
    assert not compresses(server.host(**router, become="su", become_password="env:PASSWORD"))


def waiting_shells(parent: int) -> list[int]:
    """Processes of shells that wait below a connection's sshd."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(n) for n in children if Path(f"/proc/{n}/cmdline").read_bytes() == b"/bin/sh\0-s\0"]


def numbers(session: Session, script: str) -> list[int]:
    return [int(word) for word in session.exchange([Item(script)])[0].stdout.raw.split()]


def gone(process: int) -> None:
    """Wait for the end of a shell, which lives a moment longer than the exchange that it answered."""
    wait_until(lambda: not Path(f"/proc/{process}").exists())


def test_the_next_shell_waits_on_a_router_and_on_no_other_host(server: Server):
    router = server.host(may_block=(ip_network("203.0.113.0/24"),))
    session, other = connect(router, {}), connect(server.host(), {})
    try:
        above, first = numbers(session, "read -r _ _ _ above _ </proc/$$/stat; echo $above $$")
        wait_until(lambda: [n for n in waiting_shells(above) if n != first])
        gone(first)
        ahead = waiting_shells(above)
        assert numbers(session, "echo $$") == ahead
        beside, first = numbers(other, "read -r _ _ _ above _ </proc/$$/stat; echo $above $$")
        gone(first)
        assert not waiting_shells(beside)
    finally:
        session.close()
        other.close()
    gone(above)


def test_the_next_shell_of_a_router_is_there_before_the_first_exchange_ends(server: Server):
    session = connect(server.host(may_block=(ip_network("203.0.113.0/24"),)), {})
    waits = (
        "read -r _ _ _ above _ </proc/$$/stat; n=0\n"
        "while [ $n -lt 600 ]; do\n"
        "    for child in $(cat /proc/$above/task/$above/children); do\n"
        "        [ $child = $$ ] || [ \"$(tr '\\0' ' ' </proc/$child/cmdline)\" != '/bin/sh -s ' ] || exit 0\n"
        "    done\n"
        "    n=$((n + 1)); sleep 0.1\n"
        "done; exit 1"
    )
    assert session.exchange([Item(waits, deadline=90)])[0].status == 0
    session.close()

"""A host is asked to send while others listen: what arrives disproves containment, what does not proves nothing."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.check import Outbound
from stopgap.orchestrator.facts import Listen, ListeningFact, Output, Send, UnreadableError
from stopgap.orchestrator.facts.carried.listen import Arrivals, _address
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.journal.records import CheckJudged
from stopgap.orchestrator.plan import OutOfReach
from stopgap.orchestrator.remote import Item, Limits
from stopgap.orchestrator.remote.local import LocalSession
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.outbound import Turns, have_sent
from stopgap.orchestrator.run.verdict import verdict
from stopgap.orchestrator.shell import PATH

CHECK = Outbound(vantage="outside", containment=True, sender="web")
KNOCK = CheckJudged(
    step="s", target="web", vantage="isp", about="port 22", holds=True, seen="silent", containment=True
)
LOOKED = KNOCK.model_copy(update={"about": CHECK.describe(), "one_sided": True})


def here(name: str, address: str = "127.0.0.1") -> Host:
    return Host(name=name, address=address, connection="local")


@contextmanager
def fleet_of(*hosts: Host) -> Iterator[ConnectionPool]:
    def connect(host: Host, *_: object, **__: object) -> LocalSession:
        return LocalSession(host, Limits())

    with ConnectionPool({host.name: host for host in hosts}, connect) as pool:
        for host in hosts:
            pool.session(host)
        yield pool


def output(text: str, status: int | None = 137) -> Output:
    return Output(HostText(text.encode()), HostText(b""), status)


def test_what_arrives_is_seen_by_every_host_that_listens_over_udp_and_tcp() -> None:
    web, vantages = here("web"), [here("isp", "127.0.0.1"), here("spare", "127.0.0.2")]
    with fleet_of(web, *vantages) as pool:
        found = have_sent([(CHECK, vantage) for vantage in vantages], web, pool)
    for vantage in vantages:
        fact = found[CHECK, vantage.name]
        assert isinstance(fact, ListeningFact)
        assert {"udp4", "tcp4"} <= {arrival.kind for arrival in fact.arrivals}
        judged = CHECK.judge(fact)
        assert judged.holds is False
        assert "UDP from 127.0.0.1" in judged.seen


def test_nothing_listens_any_more_once_the_look_is_over() -> None:
    web, isp = here("web"), here("isp")
    with fleet_of(web, isp) as pool:
        fact = have_sent([(CHECK, isp)], web, pool)[CHECK, "isp"]
        assert isinstance(fact, ListeningFact)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", fact.ports["tcp4"]), 5)


def test_a_host_that_has_not_answered_is_not_waited_for_and_nothing_is_said() -> None:
    web, isp = here("web"), here("isp")
    never = threading.Event()

    def connect(host: Host, *_: object, **__: object) -> LocalSession:
        if host == web:
            never.wait(30)
        return LocalSession(host, Limits())

    with ConnectionPool({"web": web, "isp": isp}, connect) as pool:
        pool.expect([web])
        found = have_sent([(CHECK, isp)], web, pool)[CHECK, "isp"]
        never.set()
    assert isinstance(found, OutOfReach)
    assert "was not asked to send" in str(found)


def test_two_targets_are_heard_side_by_side_at_one_host() -> None:
    webs, isp = [here("web"), here("shop", "127.0.0.3")], here("isp")
    both = threading.Barrier(2)

    class Listening(LocalSession):
        """A session whose listening begins once the other target's does."""

        def exchange(self, items: Sequence[Item], **words: Any) -> list[Output]:
            if any(item.until_told for item in items):
                both.wait(30)
            return super().exchange(items, **words)

    def connect(host: Host, *_: object, **__: object) -> LocalSession:
        return Listening(host, Limits())

    turns = Turns()
    with (
        ConnectionPool({host.name: host for host in (*webs, isp)}, connect) as pool,
        ThreadPoolExecutor(2) as workers,
    ):
        for web in webs:
            pool.session(web)
        looking = [workers.submit(have_sent, [(CHECK, isp)], web, pool, turns) for web in webs]
        facts = [each.result()[CHECK, "isp"] for each in looking]
    assert [isinstance(fact, ListeningFact) and bool(fact.arrivals) for fact in facts] == [True, True]


class Toolless(LocalSession):
    """A host without any tool to send with."""

    def exchange(self, items: Sequence[Item], **_: object) -> list[Output]:
        return [output("", 127)] * len(items)


def test_where_nothing_could_be_sent_nothing_is_said() -> None:
    web, isp = here("web"), here("isp")

    def connect(host: Host, *_: object, **__: object) -> LocalSession:
        return (Toolless if host == web else LocalSession)(host, Limits())

    with ConnectionPool({"web": web, "isp": isp}, connect) as pool:
        pool.session(web)
        found = have_sent([(CHECK, isp)], web, pool)[CHECK, "isp"]
    assert isinstance(found, UnreadableError)
    assert str(found) == "web could not be made to send: neither python3 nor bash is there to send with"


def test_a_host_without_tools_to_listen_with_is_told_as_not_looked_at() -> None:
    with pytest.raises(UnreadableError, match="python3 is not installed there"):
        Listen("0").parse(output("", 127))
    with pytest.raises(UnreadableError):
        Listen("0").parse(output("listening udp4 4000\n", None))


def test_a_login_without_root_hears_as_well_and_a_host_without_python_sends_by_bash() -> None:
    unprivileged = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    listener = subprocess.Popen(
        [*unprivileged, "sh", "-c", Listen("token").script()],
        cwd="/", env={"PATH": PATH}, start_new_session=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert listener.stdout
    heard = b""
    try:
        while not Listen.ready(heard):
            heard += listener.stdout.readline()
        ports = Listen("token").parse(output(heard.decode())).ports
        sockets = tuple((kind, ip_address("127.0.0.1"), ports[kind]) for kind in ("udp4", "tcp4"))
        by_bash = Send("token", sockets).script().replace("command -v python3", "false")
        sent = subprocess.run(["sh", "-c", by_bash], capture_output=True, text=True, check=True, cwd="/")
        assert {kind for kind, _ in Send("token", sockets).parse(output(sent.stdout, 0)).sent} == {"udp4", "tcp4"}
        heard += listener.stdout.readline() + listener.stdout.readline()
    finally:
        os.killpg(listener.pid, signal.SIGKILL)
        listener.communicate()
    assert {arrival.kind for arrival in Listen("token").parse(output(heard.decode())).arrivals} == {"udp4", "tcp4"}


def test_lines_that_a_listener_would_not_print_are_passed_over() -> None:
    text = (
        "listening udp4 4000\nlistening tcp4 99999999999999999999\nlistening sctp4 7\nready\n"
        "arrived udp4 192.0.2.2 10.0.0.10\narrived udp4 nonsense -\narrived icmp4 192.0.2.2 -\n"
        "arrived tcp4 192.0.2.2 -\n"
    )
    fact = Listen("0").parse(output(text))
    assert fact.ports == {"udp4": 4000}
    assert [str(arrival.source) for arrival in fact.arrivals] == ["192.0.2.2", "192.0.2.2"]
    assert CHECK.judge(fact).seen == "arrived: UDP from 192.0.2.2 (sent as 10.0.0.10), TCP from 192.0.2.2"


def test_the_wire_shows_the_first_packet_of_a_connection_and_a_datagram_with_the_token_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arrivals = Arrivals(b"token")
    try:
        for kind, rest in (
            ("udp4", b"token 10.0.0.1"),
            ("udp4", b"another"),
            ("tcp4", b"\x50\x02"),
            ("tcp4", b"\x50\x12"),
            ("tcp6", b"\x50\x02"),
        ):
            arrivals.packet(packet(kind, arrivals.ports.get(kind, 0), rest))
        arrivals.packet(packet("tcp4", 1, b"\x50\x02"))
        arrivals.packet(b"\x45")
    finally:
        for each in arrivals.sockets:
            each.close()
    assert capsys.readouterr().out.splitlines() == [
        "arrived udp4 198.51.100.7 10.0.0.1",
        "arrived tcp4 198.51.100.7 -",
        "arrived tcp6 2001:db8::7 -",
    ]


def packet(kind: str, port: int, rest: bytes) -> bytes:
    protocol = 17 if kind.startswith("udp") else 6
    head = struct.pack("!HH", 4000, port)
    body = head + (struct.pack("!HH", 8 + len(rest), 0) + rest if protocol == 17 else bytes(8) + rest + bytes(6))
    if kind.endswith("4"):
        addresses = ip_address("198.51.100.7").packed + ip_address("192.0.2.1").packed
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0) + addresses + body
    addresses = ip_address("2001:db8::7").packed + ip_address("2001:db8::1").packed
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + addresses + body


def test_the_kernels_table_names_who_begins_a_connection() -> None:
    little = struct.pack("=I", 1) == b"\x01\x00\x00\x00"
    assert _address("0100007F" if little else "7F000001") == "127.0.0.1"
    table = Path("/proc/net/tcp6").read_text().splitlines()
    for line in table[1:]:
        ip_address(_address(line.split()[1].partition(":")[0]))


def test_what_did_not_arrive_proves_nothing_and_what_did_disproves_containment() -> None:
    assert verdict([KNOCK, LOOKED]) == "contained"
    assert verdict([LOOKED]) == "unverified"
    assert verdict([KNOCK, LOOKED.model_copy(update={"holds": None})]) == "contained"
    assert verdict([KNOCK, LOOKED.model_copy(update={"holds": False})]) == "partly"


def test_a_target_that_says_itself_that_something_is_open_is_believed_and_one_that_denies_it_is_not() -> None:
    own_word = LOOKED.model_copy(update={"reported_by_target": True})
    assert verdict([KNOCK, own_word.model_copy(update={"holds": False})]) == "partly"
    assert verdict([own_word]) == "unverified"

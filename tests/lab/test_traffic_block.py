"""traffic.block meets packets: on a real router, with flows that were there before it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.change import Change
from orchestrator.facts import Output, Reader, UnreadableError
from orchestrator.host import Host, Scene
from orchestrator.hosttext import HostText
from orchestrator.task import At, Gap
from tasks.traffic.block import BlockTraffic, Params
from tasks.traffic.driver import DeviceFacts

if TYPE_CHECKING:
    from tests.lab.conftest import Lab

HERE = Path(__file__).parent
TASK = BlockTraffic()


def host(name: str, *addresses: str, **more: object) -> Host:
    return Host.model_validate({"name": name, "address": addresses[0], "addresses": addresses, **more})


WEB = host("web", "203.0.113.10", "2001:db8:113::10", upstream="edge", spare="spare")
SPARE = host("spare", "203.0.113.20", "2001:db8:113::20")
WEB_ADDRESSES = ("203.0.113.10", "2001:db8:113::10")
NEIGHBOUR = host("neighbour", "203.0.113.30", "2001:db8:113::30")
ISP = host("isp", "192.0.2.1", vantage="outside")
EDGE = host("edge", "10.9.0.1", driver="nftables", may_block=["203.0.113.0/24", "2001:db8:113::/64"])
WITH_SPARE = Scene(target=WEB, on=EDGE, upstream=EDGE, spare=SPARE, outside=(ISP,), others=(SPARE, NEIGHBOUR, ISP))
WITHOUT_SPARE = WITH_SPARE.model_copy(update={"spare": None})


class Router:
    """Plans and applies the block as a run would: readers and changes as scripts over SSH."""

    def __init__(self, lab: Lab, scene: Scene) -> None:
        self.lab, self.scene = lab, scene

    def read(self, host: str, reader: Reader[Any]) -> Any:
        done = (
            self.lab.exec("operator", "sh", "-c", reader.script())
            if host == "controller"
            else self.lab.ssh(host, reader.script())
        )
        output = HostText(done.stdout.encode()), HostText(done.stderr.encode())
        return reader.parse(Output(*output, status=done.returncode))

    def facts(self, params: Params) -> DeviceFacts:
        probe = TASK.probe(params, self.scene)
        with ThreadPoolExecutor(8) as pool:
            return DeviceFacts.model_validate(dict(zip(probe, pool.map(self.fact, probe.values()), strict=True)))

    def fact(self, wish: Reader[Any] | At) -> Any:
        if not isinstance(wish, At):
            return self.read(self.scene.on.name, wish)
        try:
            return self.read(self.scene.seen_from(wish.vantage)[0].name, wish.reader)
        except UnreadableError:
            return None

    def planned(self, **params: object) -> tuple[list[Change], list[str]]:
        wanted = Params.model_validate(params)
        planned = list(TASK.plan(wanted, self.facts(wanted), self.scene))
        return [p for p in planned if isinstance(p, Change)], [p.text for p in planned if isinstance(p, Gap)]

    def apply(self, **params: object) -> Change:
        (change,) = self.planned(**params)[0]
        self.run(change.do_script())
        return change

    def run(self, script: str) -> None:
        done = self.lab.ssh(self.scene.on.name, script)
        assert done.returncode == 0, done.stderr

    @contextmanager
    def block(self, **params: object) -> Iterator[Change]:
        change = self.apply(**params)
        try:
            yield change
        finally:
            self.run(change.undo_script())

    def failing_checks(self, **params: object) -> dict[str, str]:
        wanted = Params.model_validate(params)
        looks = [
            (eye.name, check)
            for check in TASK.checks(wanted, self.facts(wanted), self.scene)
            for eye in self.scene.seen_from(check.eye)
        ]
        with ThreadPoolExecutor(8) as pool:
            judged = pool.map(lambda look: look[1].judge(self.read(look[0], look[1].reader())), looks)
        return {
            f"{eye}: {check.describe()}": judgement.seen
            for (eye, check), judgement in zip(looks, judged, strict=True)
            if not judgement.holds
        }


class Observer:
    """A traffic_observer in a namespace."""

    def __init__(self, lab: Lab, namespace: str) -> None:
        self.process = subprocess.Popen(
            ["scripts/lab", "exec", namespace, "python3", HERE / "traffic_observer.py"],
            cwd=HERE.parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, *words: str) -> Any:
        assert self.process.stdin and self.process.stdout
        print(*words, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def counts_during(self, seconds: float) -> dict[str, int]:
        self.ask("counts")
        time.sleep(seconds)
        counts: dict[str, int] = self.ask("counts")
        return counts


@pytest.fixture
def router(lab: Lab) -> Iterator[Router]:
    before = lab.rules()
    router = Router(lab, WITH_SPARE)
    yield router
    assert lab.rules() == before


@pytest.fixture
def internet(lab: Lab) -> Iterator[Observer]:
    observer = Observer(lab, "internet")
    yield observer
    observer.process.kill()
    observer.process.wait()


@pytest.fixture
def outbound(lab: Lab, internet: Observer) -> Iterator[None]:
    """TCP from web to internet, on both protocols, that sends a byte ten times a second."""
    talk = (
        "import socket, time\n"
        "out = [socket.create_connection((a, 5555), 2) for a in ('198.51.100.2', '2001:db8:100::2')]\n"
        "for _ in range(600):\n"
        "    for s in out: s.send(b'x')\n"
        "    time.sleep(0.1)\n"
    )
    process = subprocess.Popen(
        ["scripts/lab", "ssh", "web", "exec timeout 60 python3 -c " + f'"{talk}"'], cwd=HERE.parents[1]
    )
    for _ in range(50):
        if {"tcp4", "tcp6"} <= internet.counts_during(0.2).keys():
            break
    yield
    process.kill()
    process.wait()


def pings(lab: Lab, where: str, address: str) -> bool:
    echo = (
        "import socket, struct, sys\n"
        f"six = ':' in {address!r}\n"
        "s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1)\n"
        "s.settimeout(1.5)\n"
        "head = struct.pack('!BBHHH', 128 if six else 8, 0, 0 if six else 0xf7ff - 0x5354, 0, 0x5354)\n"
        f"s.sendto(head, ({address!r}, 0))\n"
        "while s.recv(1500)[-2:] != b'ST': pass\n"
    )
    return lab.exec(where, "python3", "-c", echo).returncode == 0


def reaches(lab: Lab, source: str, address: str, port: int) -> bool:
    connect = f"import socket; socket.create_connection(('{address}', {port}), 2)"
    return lab.ssh(source, f'python3 -c "{connect}"').returncode == 0


def succeeding(attempts: Mapping[str, Callable[[], bool]]) -> list[str]:
    with ThreadPoolExecutor(len(attempts)) as pool:
        came_about = list(pool.map(lambda attempt: attempt(), attempts.values()))
    return [name for name, succeeded in zip(attempts, came_about, strict=True) if succeeded]


def test_every_packet_of_the_host_stops_and_its_visitors_reach_the_spare(
    lab: Lab, router: Router, internet: Observer, outbound: None
) -> None:
    for name, address in (("in4", "203.0.113.10"), ("in6", "2001:db8:113::10")):
        assert internet.ask("open", name, address, "22")
        assert pings(lab, "internet", address)
    assert set(internet.counts_during(1)) == {"udp4", "udp6", "tcp4", "tcp6"}
    assert lab.http("http://203.0.113.10/") == 200

    with router.block():
        assert internet.counts_during(1.5) == {}
        for name in ("in4", "in6"):
            assert not internet.ask("poke", name)
        assert succeeding({
            **{f"ping {a}": partial(pings, lab, "internet", a) for a in WEB_ADDRESSES},
            **{f"internet to {a}:{port}": partial(lab.tcp, a, port) for a in WEB_ADDRESSES for port in (22, 25)},
            **{
                f"{source} to {a}:{port}": partial(reaches, lab, source, a, port)
                for source, a, port in (
                    ("spare", "203.0.113.10", 22),
                    ("spare", "2001:db8:113::10", 80),
                    ("web", "198.51.100.2", 5555),
                    ("web", "2001:db8:100::2", 5555),
                    ("web", "203.0.113.20", 80),
                    ("web", "203.0.113.1", 22),
                )
            },
        }) == []  # fmt: skip

        seen_by_spare = lab.read("spare", "wc -l </var/log/apache2/access.log").strip()
        for url in ("http://203.0.113.10/traffic-block", "http://[2001:db8:113::10]/traffic-block"):
            assert lab.http(url) == 404
        visitors = lab.read("spare", f"tail -n +{int(seen_by_spare) + 1} /var/log/apache2/access.log | cut -d' ' -f1")
        assert visitors.split() == ["198.51.100.2", "2001:db8:100::2"]

        for address in ("203.0.113.30", "2001:db8:113::30"):
            assert lab.tcp(address, 22)
        assert router.failing_checks() == {}

    for address in ("203.0.113.10", "2001:db8:113::10"):
        assert lab.tcp(address, 22)
        assert pings(lab, "internet", address)
    assert {"udp4", "udp6"} <= set(internet.counts_during(1.5))


def test_the_operator_gets_in_and_nobody_gets_out_to_the_operator(lab: Lab, router: Router) -> None:
    session = subprocess.Popen(
        ["scripts/lab", "ssh", "web", "cat"], cwd=HERE.parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert session.stdin and session.stdout
    observer = Observer(lab, "operator")
    try:
        session.stdin.write(b"before\n")
        session.stdin.flush()
        assert session.stdout.readline() == b"before\n"
        assert reaches(lab, "web", "10.9.0.2", 5555)
        with router.block():
            session.stdin.write(b"still there\n")
            session.stdin.flush()
            assert session.stdout.readline() == b"still there\n"
            assert len(lab.read("web", "head -c 3000000 /dev/zero | tr '\\0' x")) == 3_000_000
            assert pings(lab, "operator", "203.0.113.10")
            assert not reaches(lab, "web", "10.9.0.2", 5555)
    finally:
        for process in (session, observer.process):
            process.kill()
            process.wait()


def test_neighbour_discovery_passes_for_who_is_allowed(lab: Lab, router: Router) -> None:
    with router.block(allow=["fd00:9::2"]):
        router.run("ip neigh flush dev br0")
        assert lab.tcp("2001:db8:113::10", 22, "operator")
        assert lab.http("http://[2001:db8:113::10]/", "operator") == 200
        assert router.failing_checks(allow=["fd00:9::2"]) == {}


def test_without_a_spare_web_traffic_is_dropped_too(lab: Lab, router: Router) -> None:
    router.scene = WITHOUT_SPARE
    with router.block():
        assert lab.http("http://203.0.113.10/") == 0
        assert lab.http("http://[2001:db8:113::10]/") == 0
        assert router.failing_checks() == {}


def test_a_second_plan_finds_nothing_to_do(router: Router) -> None:
    with router.block(allow=["198.51.100.64/27", "2001:db8:200::/48"], expires="PT1H30M"):
        changes, gaps = router.planned(allow=["198.51.100.64/27", "2001:db8:200::/48"], expires="PT1H30M")
        assert changes == []
        assert gaps == ["203.0.113.30 (neighbour) shares web's segment; an upstream cannot part them"]


def test_undo_of_a_later_block_puts_the_earlier_one_back(lab: Lab, router: Router) -> None:
    with router.block():
        earlier = lab.rules()
        with router.block(web_to="drop", expires="PT10M"):
            assert lab.http("http://203.0.113.10/") == 0
        assert lab.rules() == earlier
        assert lab.http("http://203.0.113.10/") == 200


def test_doing_and_undoing_twice_is_as_good_as_once(router: Router) -> None:
    change = router.apply()
    router.run(change.do_script())
    assert router.planned()[0] == []
    router.run(change.undo_script())
    router.run(change.undo_script())


def test_it_lapses_by_itself(lab: Lab, router: Router, internet: Observer) -> None:
    with router.block(expires="PT4S"):
        assert not lab.tcp("203.0.113.10", 22)
        time.sleep(4)
        assert lab.tcp("203.0.113.10", 22)
        assert lab.tcp("2001:db8:113::10", 22)
        page = lab.read("web", "curl -s http://127.0.0.1/")
        assert lab.exec("internet", "curl", "-s", "http://203.0.113.10/").stdout == page
        assert {"udp4", "udp6"} <= set(internet.counts_during(1.5))
        assert router.failing_checks()["edge: table inet stopgap_web drops both ways"].endswith("or lapsed")


def test_a_check_sees_that_somebody_took_the_table_away(router: Router) -> None:
    with router.block():
        router.run("nft delete table inet stopgap_web")
        failing = router.failing_checks()
        assert failing["edge: table inet stopgap_web drops both ways"] == "the table is not there"
        assert failing["isp: 203.0.113.10:22 is silent"] == "open"
        assert failing["spare: [2001:db8:113::10]:25 is silent"] == "open"

"""A host behind NAT on the router, and a host with more addresses than are written down: nothing leaves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stopgap.orchestrator.host import Host

from .operator import Operator
from .test_traffic_drivers import router_with
from .traffic import ISP, ROOT, SPARE, Router, host

if TYPE_CHECKING:
    from .conftest import Lab

PUBLIC, PRIVATE, INTERNET, INTERNET6 = "203.0.113.77", "10.77.0.10", "198.51.100.2", "2001:db8:100::2"
RECEIVE = """
import socket, sys
here = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
here.bind((sys.argv[1], 4747))
here.settimeout(3)
print("listening", flush=True)
came = 0
try:
    while came < 10:
        here.recv(99)
        came += 1
except TimeoutError:
    pass
print(came)
"""
SEND = """
import socket
there = socket.socket(socket.AF_INET6 if ":" in "{to}" else socket.AF_INET, socket.SOCK_DGRAM)
there.bind(("{source}", 0))
for _ in range(10): there.sendto(b"x", ("{to}", 4747))
"""
NFT = """table ip lab_nat {{
 chain in {{ type nat hook prerouting priority dstnat; ip daddr {public} dnat to {private}; }}
 chain out {{ type nat hook postrouting priority srcnat; ip saddr {private} oifname wan0 {source}; }}
}}
"""
IPTABLES = (
    "iptables -t nat -A PREROUTING -d {public} -j DNAT --to-destination {private} &&"
    "iptables -t nat -A POSTROUTING -s {private} -o wan0 -j {source}"
)
UNDO = "nft delete table ip lab_nat 2>/dev/null; iptables -t nat -F; iptables-legacy -t nat -F 2>/dev/null; true"
PRIVATE_NET = "ip addr {0} 10.77.0.1/24 dev br0; ip addr {0} {1}/32 dev wan0; ip neigh flush dev br0"


@pytest.fixture
def behind_nat(lab: Lab) -> Iterator[None]:
    """Web has a private address, and a public one on the router's outer link that nothing translates yet."""
    lab.read("edge", PRIVATE_NET.format("add", PUBLIC))
    lab.read("web", f"ip addr add {PRIVATE}/24 dev eth0 && ip route add {INTERNET} via 10.77.0.1 src {PRIVATE}")
    yield
    lab.read("edge", UNDO)
    lab.read("web", f"ip route del {INTERNET} via 10.77.0.1; ip addr del {PRIVATE}/24 dev eth0")
    lab.read("edge", PRIVATE_NET.format("del", PUBLIC))


def arriving(lab: Lab, source: str, to: str = INTERNET) -> int:
    """Give how many of ten datagrams that web sends from an address reach the internet's."""
    words = ["scripts/lab", "exec", "internet", "python3", "-c", RECEIVE, to]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout
        assert receiver.stdout.readline() == "listening\n"
        lab.ssh("web", "python3 -", stdin=SEND.format(source=source, to=to))
        return int(receiver.stdout.readline())


def failing(router: Router, **params: object) -> set[str]:
    """Give the checks that fail, but those that name the addresses which web has and the inventory lacks."""
    naming = ("no other address answers from web's network card", "web's cards have no address that is not blocked")
    return {check for check in router.failing_checks(**params) if not check.endswith(naming)}


def known_as(router: Router, target: Host) -> Router:
    """Give the router with another entry for web in the inventory: the spare shares no link with it."""
    edge = router.scene.on.model_copy(update={"may_block": (*router.scene.on.may_block, *NETWORKS)})
    changed = {"target": target, "on": edge, "upstream": edge, "others": (SPARE, ISP)}
    router.scene = router.scene.model_copy(update=changed)
    return router


NETWORKS = Host.model_validate({"name": "x", "address": "x", "may_block": ["10.77.0.0/24"]}).may_block


@contextmanager
def translating(lab: Lab, driver: str, source: str) -> Iterator[None]:
    """The router translates all that comes to the public address, and what leaves, as its own rules are written."""
    if driver.startswith("iptables"):
        target = "MASQUERADE" if source == "masquerade" else f"SNAT --to-source {PUBLIC}"
        lab.read("edge", IPTABLES.format(public=PUBLIC, private=PRIVATE, source=target))
    else:
        words = "masquerade" if source == "masquerade" else f"snat to {PUBLIC}"
        lab.ssh("edge", "nft -f -", stdin=NFT.format(public=PUBLIC, private=PRIVATE, source=words))
    yield


@pytest.mark.parametrize(
    ("known", "source"), [(PUBLIC, "masquerade"), (PUBLIC, "one-to-one"), (PRIVATE, "masquerade")]
)
@pytest.mark.parametrize("driver", ["nftables", "iptables-nft", "iptables-legacy", "iproute"])
def test_a_host_behind_nat_sends_nothing_and_the_operator_gets_in(
    lab: Lab, behind_nat: None, driver: str, known: str, source: str
) -> None:
    router = known_as(router_with(lab, driver), host("web", known, upstream="edge"))
    with translating(lab, driver, source):
        assert arriving(lab, PRIVATE) == 10
        assert lab.tcp(PUBLIC, 22)
        before = lab.rules()
        with router.block():
            assert arriving(lab, PRIVATE) == 0
            assert not lab.tcp(PUBLIC, 22)
            assert lab.tcp(PUBLIC, 22, "operator")
            assert router.planned()[0] == []
            assert failing(router) == set()
        assert lab.rules() == before
        assert arriving(lab, PRIVATE) == 10


@pytest.mark.parametrize("source", ["masquerade", "one-to-one"])
def test_a_blackhole_behind_nat_drops_what_comes(lab: Lab, behind_nat: None, source: str) -> None:
    router = known_as(router_with(lab, "blackhole"), host("web", PUBLIC, upstream="edge"))
    with translating(lab, "blackhole", source), router.block():
        assert not lab.tcp(PUBLIC, 22)


def test_nftables_drops_after_source_nat_whoever_leaves_as_the_blocked_address(lab: Lab, behind_nat: None) -> None:
    lab.read("edge", f"ip addr del {PUBLIC}/32 dev wan0")
    router = known_as(router_with(lab, "nftables"), host("web", PUBLIC, upstream="edge"))
    rule = f"type nat hook postrouting priority srcnat; oifname wan0 snat to {PUBLIC};"
    lab.ssh("edge", "nft -f -", stdin=f"table ip lab_nat {{ chain out {{ {rule} }}; }}")
    assert arriving(lab, PRIVATE) == 10
    with router.block():
        assert arriving(lab, PRIVATE) == 0
    lab.read("edge", f"nft delete table ip lab_nat; ip addr add {PUBLIC}/32 dev wan0")


@pytest.fixture
def second_address(lab: Lab) -> Iterator[str]:
    """An address that web may take, and has no more afterwards."""
    yield "203.0.113.99"
    lab.ssh("web", "ip addr del 203.0.113.99/24 dev eth0")


@pytest.mark.parametrize("driver", ["nftables", "iptables-nft", "iptables-legacy"])
def test_an_address_that_the_inventory_lacks_sends_nothing(lab: Lab, second_address: str, driver: str) -> None:
    router = router_with(lab, driver)
    router.scene = router.scene.model_copy(update={"target": host("web", "203.0.113.10", upstream="edge")})
    with router.block(allow=["fd00:9::2"]):
        assert arriving(lab, "2001:db8:113::10", INTERNET6) == 0
        lab.read("web", f"ip addr add {second_address}/24 dev eth0")
        assert arriving(lab, second_address) == 0
        assert lab.tcp("203.0.113.10", 22, "operator")
        assert lab.http("http://[2001:db8:113::10]/", "operator") == 200
        assert failing(router, allow=["fd00:9::2"]) == set()
        assert router.planned(allow=["fd00:9::2"])[0] == []
    assert arriving(lab, second_address) == 10


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(lab, tmp_path / "state", str(tmp_path / "inventory.yaml"))
    yield made
    made.undo_all()


@pytest.mark.parametrize("known", [PUBLIC, PRIVATE])
@pytest.mark.parametrize("driver", ["nftables", "iptables"])
def test_a_run_contains_a_host_behind_nat_and_no_packet_leaves(
    lab: Lab, behind_nat: None, operator: Operator, tmp_path: Path, driver: str, known: str
) -> None:
    text = (ROOT / "inventories" / "lab.yaml").read_text()
    text = text.replace('addresses: [203.0.113.10, "2001:db8:113::10"]', f"addresses: [{known}]")
    text = text.replace("may_block: [", "may_block: [10.77.0.0/24, ").replace("nftables", driver)
    (tmp_path / "inventory.yaml").write_text(text)
    runbook = tmp_path / "runbook.yaml"
    runbook.write_text(json.dumps({"name": "Cut", "steps": [{"id": "cut", "task": "traffic.block"}]}))
    router_with(lab, "iptables-nft")
    with translating(lab, driver, "masquerade"):
        done = operator.run(str(runbook), "-t", "web", "--yes")
        assert done.outcomes["cut"] in {"changed", "failed"}, done.out + done.err
        assert arriving(lab, PRIVATE) == 0
        assert not lab.tcp(PUBLIC, 22)
        assert done.last["containment"] == {"web": "partly"}, "web has its old addresses as well"
        assert "203.0.113.10 answers from web's network card, and is not blocked" in done.out
        assert f"{PRIVATE} answers from web's" not in done.out
        assert f"{PRIVATE} is on web's" not in done.out

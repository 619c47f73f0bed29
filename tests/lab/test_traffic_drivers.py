"""Every driver of a Linux router meets packets: flows from before, new ones, one-way ones, on both protocols."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.task import Gap

from .traffic import EDGE, SPARE, WITH_SPARE, Observer, Router

if TYPE_CHECKING:
    from .conftest import Lab

WEB4, WEB6 = "203.0.113.10", "2001:db8:113::10"
STATE = (
    "nft -s list ruleset; iptables-save; ip6tables-save; ipset save; ip -4 rule; ip -6 rule; ip -4 route;"
    "ip -6 route | sed 's/ expires [0-9]*sec//'"
)
LEFT_BEHIND = (
    "find /run/stopgap -type f 2>/dev/null; systemctl list-units --all --no-legend 'stopgap-*';"
    "pgrep -af '[s]topgap-web'; true"
)


def router_with(lab: Lab, driver: str, *, spare: Host | None = None) -> Router:
    """Give the router as this driver sees it; of iptables, the commands are those of the flavour."""
    if flavour := driver.partition("iptables-")[2]:
        for family in ("ip", "ip6"):
            if flavour == "legacy":  # whose tables stay for good once they were used
                lab.read("edge", f"for t in raw mangle nat; do {family}tables-legacy -t $t -S; done")
            lab.read("edge", f"update-alternatives --quiet --set {family}tables /usr/sbin/{family}tables-{flavour}")
        driver = "iptables"
    edge = EDGE.model_copy(update={"driver": driver})
    return Router(lab, WITH_SPARE.model_copy(update={"on": edge, "upstream": edge, "spare": spare}))


def state(lab: Lab) -> str:
    """Give all rules and routes of the router, in a form that counters, clocks and hashes of sets do not change."""
    read = lab.read("edge", STATE)
    text = re.sub(r"(?m)(?:^add .*\n)+", lambda adds: "".join(sorted(adds[0].splitlines(keepends=True))), read)
    return re.sub(r"(?m)^#.*\n|\[\d+:\d+\]|(?<=timeout )\d+|initval \S+", "", text)


@contextmanager
def as_before(lab: Lab) -> Iterator[None]:
    """Whatever happens in between, the router ends as it began, byte for byte."""
    before = state(lab)
    yield
    assert state(lab) == before
    assert lab.read("edge", LEFT_BEHIND) == ""


@pytest.fixture
def internet(lab: Lab) -> Iterator[Observer]:
    observer = Observer(lab, "internet")
    yield observer
    observer.process.kill()
    observer.process.wait()


BOTH_WAYS = ["iptables-legacy", "iptables-nft", "iproute"]


@pytest.mark.parametrize("driver", BOTH_WAYS)
def test_doing_and_undoing_twice_is_as_good_as_once_and_a_later_block_gives_way_to_the_earlier(
    lab: Lab, driver: str
) -> None:
    router = router_with(lab, driver)
    with as_before(lab), router.block() as change:
        router.run(change.do_script())
        assert router.planned()[0] == []
        in_force = state(lab)
        with router.block(allow=["198.51.100.0/24"], expires="PT10M"):
            assert lab.tcp(WEB4, 22)
        assert state(lab) == in_force
        assert not lab.tcp(WEB4, 22)
        router.run(change.undo_script())


@pytest.mark.parametrize("driver", ["iptables-legacy", "iptables-nft"])
def test_visitors_reach_the_spare_and_old_flows_are_forgotten(lab: Lab, internet: Observer, driver: str) -> None:
    router = router_with(lab, driver, spare=SPARE)
    for name, address in (("in4", WEB4), ("in6", WEB6)):
        assert internet.ask("open", name, address, "22")
    with as_before(lab), router.block() as change:
        seen_by_spare = int(lab.read("spare", "wc -l </var/log/apache2/access.log"))
        for url in (f"http://{WEB4}/divert", f"http://[{WEB6}]/divert"):
            assert lab.http(url) == 404
        visitors = lab.read("spare", f"tail -n +{seen_by_spare + 1} /var/log/apache2/access.log | cut -d' ' -f1")
        assert visitors.split() == ["198.51.100.2", "2001:db8:100::2"]
        assert not internet.ask("poke", "in4")
        assert not internet.ask("poke", "in6")
        assert lab.http(f"http://{WEB4}/", "operator") == 200
        assert not lab.tcp(WEB4, 22)
        assert router.failing_checks() == {}
        with router.block(web_to="drop"):
            assert lab.http(f"http://{WEB4}/divert") == 0
            assert "_d " not in lab.read("edge", "iptables-save; ip6tables-save")
            assert router.failing_checks(web_to="drop") == {}
        assert lab.http(f"http://{WEB4}/divert") == 404
        router.run(change.do_script())
        assert router.planned()[0] == []
    page = lab.read("web", "curl -s http://127.0.0.1/")
    assert lab.exec("internet", "curl", "-s", f"http://{WEB4}/").stdout == page


def test_a_blackhole_route_names_what_still_leaves(lab: Lab) -> None:
    router = router_with(lab, "blackhole")
    with as_before(lab), router.block() as change:
        leaks = [item.text for item in router.planned_all() if isinstance(item, Gap) and item.at_best == "partly"]
        assert leaks == ["blackhole drops no packet from the blocked addresses: it is a one-way cut"]
        router.run(change.do_script())
        assert router.planned()[0] == []
        router.run(change.undo_script())


@pytest.mark.parametrize("driver", [*BOTH_WAYS, "blackhole"])
def test_it_lapses_by_itself(lab: Lab, driver: str) -> None:
    router = router_with(lab, driver)
    with as_before(lab), router.block(expires="PT6S"):
        assert not lab.tcp(WEB6, 22)
        assert eventually(partial(lab.tcp, WEB4, 22))
        assert lab.tcp(WEB6, 22)


def test_without_systemd_a_sleeping_process_lifts_the_block(lab: Lab) -> None:
    router = router_with(lab, "iproute")
    with as_before(lab):
        (change,) = router.planned(expires="PT6S")[0]
        router.run(change.do_script().replace("/run/systemd/system", "/run/no-systemd"))
        assert "/run/stopgap/stopgap-web" in lab.read("edge", "pgrep -af '[s]topgap-web'")
        assert eventually(partial(lab.tcp, WEB4, 22))


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.3)
    return False


def test_only_what_was_asked_for_is_dropped(lab: Lab, internet: Observer) -> None:
    router = router_with(lab, "nftables")
    inbound = {"direction": "to", "allow_services": ["tcp/80"], "log": True}
    with as_before(lab):
        with router.block(**inbound):
            assert {"udp4", "udp6"} <= set(internet.counts_during(1.5))
            assert lab.http("http://203.0.113.10/") == 200
            assert not lab.tcp(WEB4, 22)
            assert router.failing_checks(**inbound) == {}
        with router.block(ports=["tcp/25"]):
            assert not lab.tcp(WEB6, 25)
            assert lab.tcp(WEB6, 22)
            assert router.failing_checks(ports=["tcp/25"]) == {}

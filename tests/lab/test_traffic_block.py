"""traffic.block meets packets: on a real router, with flows that were there before it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .traffic import ROOT, WITH_SPARE, WITHOUT_SPARE, Observer, Router, pings, reaches

if TYPE_CHECKING:
    from .conftest import Lab


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


def test_the_operator_gets_in_and_nobody_gets_out_to_the_operator(lab: Lab, router: Router) -> None:
    session = subprocess.Popen(
        ["scripts/lab", "ssh", "web", "cat"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
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

"""A host cuts itself off, the last resort, by whatever it has: packets tell, and its own word is not asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Gap

from .traffic import WEB, WITH_SPARE, Observer, Router, reaches, succeeding

if TYPE_CHECKING:
    from .conftest import Lab

WEB4, WEB6 = "203.0.113.10", "2001:db8:113::10"
STATE = (
    "iptables-save; ip6tables-save; ip -4 rule; ip -6 rule; ip -4 route; ip -6 route; ip -6 -o addr show scope global"
)
LACKING = {
    "nft": "",
    "iptables-nft": "nft",
    "iptables-legacy": "nft",
    "routing rules": "nft iptables-save ip6tables-save",
    "links": "nft iptables-save ip6tables-save rules",
}
"""What the host does without, for each of the ways."""


@pytest.fixture(scope="module")
def router(lab: Lab) -> Router:
    web = WEB.model_copy(update={"driver": "host", "upstream": None})
    return Router(lab, WITH_SPARE.model_copy(update={"target": web, "on": web, "upstream": None, "spare": None}))


@pytest.fixture
def internet(lab: Lab) -> Iterator[Observer]:
    observer = Observer(lab, "internet")
    yield observer
    observer.process.kill()
    observer.process.wait()


def rules(lab: Lab) -> list[str]:
    """Give what the host has, without what a listing says of itself, and the tables that are empty."""
    lines = lab.read("web", STATE).splitlines()
    return [line for line in lines if not line.startswith(("#", ":", "*", "COMMIT"))]


@contextmanager
def without(lab: Lab, way: str) -> Iterator[None]:
    """Take from the host what comes before this way: commands that fail stand before those that are there."""
    flavour = way.partition("iptables-")[2] or "nft"
    for family in ("ip", "ip6"):
        lab.read("web", f"update-alternatives --quiet --set {family}tables /usr/sbin/{family}tables-{flavour}")
    shims = {f"/usr/local/sbin/{name}": "exit 127" for name in LACKING[way].split()}
    if shims.pop("/usr/local/sbin/rules", None):
        shims["/usr/local/sbin/ip"] = 'for word; do [ "$word" != rule ] || exit 2; done; exec /usr/bin/ip "$@"'
    for path, does in shims.items():
        done = lab.ssh("web", f"cat >{path} && chmod +x {path}", stdin=f"#!/bin/sh\n{does}\n")
        assert done.returncode == 0, done.stderr
    try:
        yield
    finally:
        lab.read("web", f"rm -f {' '.join(shims)}")


def eventually(holds: Callable[[], bool], seconds: float = 40) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.3)
    return False


@pytest.mark.parametrize("way", [way for way in LACKING if way != "links"])
def test_nothing_gets_out_but_answers_to_the_operator(lab: Lab, router: Router, internet: Observer, way: str) -> None:
    assert internet.ask("open", "in4", WEB4, "22")
    assert internet.ask("open", "in6", WEB6, "22")
    before = rules(lab)
    with without(lab, way):
        with router.block():
            attempts = {
                "new from outside, IPv4": partial(lab.tcp, WEB4, 22),
                "new from outside, IPv6": partial(lab.tcp, WEB6, 22),
                "the neighbour on its segment": partial(reaches, lab, "neighbour", WEB4, 22),
                "new to the outside": partial(reaches, lab, "web", "198.51.100.2", 5555),
                "the operator": partial(lab.tcp, WEB4, 22, "operator"),
                "its own loopback": partial(reaches, lab, "web", "127.0.0.1", 22),
            }
            assert succeeding(attempts) == ["the operator", "its own loopback"]
            assert internet.counts_during(1.2) == {}
            assert not internet.ask("poke", "in4")
            assert not internet.ask("poke", "in6")
            again = router.planned_all()
            assert [item for item in again if isinstance(item, Change)] == []
            limits = {item.limit for item in again if isinstance(item, Gap)} - {None}
            assert limits == ({"partly", "unverified"} if way == "routing rules" else {"unverified"})
        assert lab.tcp(WEB6, 22)
    assert rules(lab) == before


@pytest.mark.parametrize("way", ["iptables-nft", "routing rules"])
def test_it_is_replaced_in_force_and_lapses_by_itself(lab: Lab, router: Router, way: str) -> None:
    before = rules(lab)
    with without(lab, way), router.block(allow=["198.51.100.0/24"], expires="PT10M"):
        assert lab.tcp(WEB4, 22)
        router.apply(expires="PT10S")
        assert not lab.tcp(WEB4, 22)
        assert eventually(partial(lab.tcp, WEB4, 22))
        assert lab.tcp(WEB6, 22)
        assert rules(lab) == before


def test_as_a_last_resort_its_links_go_down_once_a_person_agrees_and_up_again_by_themselves(
    lab: Lab, router: Router
) -> None:
    before = rules(lab)
    with without(lab, "links"):
        (question,) = (item for item in router.planned_all() if isinstance(item, Question))
        assert question.text == "Take down the links eth0?"
        router.apply(expires="PT15S")
        assert eventually(lambda: not lab.tcp(WEB4, 22, "operator"))
        attempts = {
            "from outside": partial(lab.tcp, WEB4, 22),
            "the neighbour": partial(reaches, lab, "neighbour", WEB6, 22),
            "the operator": partial(lab.tcp, WEB4, 22, "operator"),
        }
        assert succeeding(attempts) == []
        assert eventually(partial(lab.tcp, WEB4, 22))
        assert lab.tcp(WEB6, 22)
    assert rules(lab) == before

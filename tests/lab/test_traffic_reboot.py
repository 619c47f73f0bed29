"""A block meets a reboot of its router: it ends there, or it survives and ends when it would have ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from stopgap.orchestrator.change import Change

from .traffic import WITHOUT_SPARE, Router, reaches

if TYPE_CHECKING:
    from .conftest import Lab

WEB4, WEB6 = "203.0.113.10", "2001:db8:113::10"
NEIGHBOUR = "203.0.113.30"
DISK = "find /etc -printf '%p %M %u %g %l\\n' | sort; find /etc -type f -print0 | sort -z | xargs -0 sha256sum"
END = "cat /etc/stopgap_web.until"


@pytest.fixture(autouse=True)
def whole_again(lab: Lab) -> Iterator[None]:
    """Leave the lab only once BGP has led the world back to it."""
    yield
    assert eventually(lambda: lab.run("status").returncode == 0, 120)


@contextmanager
def blocks(router: Router, **params: object) -> Iterator[list[Change]]:
    """Have the block in force, and on the disk; leave neither."""
    before = router.lab.read("edge", DISK)
    changes = router.planned(**params)[0]
    try:
        for change in changes:
            router.run(change.do_script())
        yield changes
    finally:
        for change in reversed(changes):
            router.run(change.undo_script())
    assert router.lab.read("edge", DISK) == before


def reboot(lab: Lab) -> None:
    assert lab.run("reboot", "edge").returncode == 0
    assert eventually(partial(reaches, lab, "spare", NEIGHBOUR, 22)), "the router forwards nothing"


def eventually(holds: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.3)
    return False


def test_a_block_that_is_to_persist_survives_a_reboot_and_one_that_is_not_does_not(lab: Lab) -> None:
    router = Router(lab, WITHOUT_SPARE)
    rules = lab.rules()
    with blocks(router, persist=True, expires="PT1H"):
        assert router.planned(persist=True, expires="PT1H")[0] == []
        end = int(lab.read("edge", END))
        reboot(lab)
        assert not reaches(lab, "spare", WEB4, 22)
        assert not reaches(lab, "spare", WEB6, 22)
        assert lab.tcp(WEB4, 22, "operator")
        assert router.failing_checks(persist=True, expires="PT1H") == {}
        assert router.planned(persist=True, expires="PT1H")[0] == []
        left = int(
            lab.read("edge", "nft -j list set inet stopgap_web blocked4 | grep -o 'expires\": *[0-9]*'").split()[-1]
        )
        assert int(lab.read("edge", "date +%s")) + left <= end + 1
        with blocks(router, expires="PT1H") as changes:
            assert [change.describe() for change in changes] == ["table inet stopgap_web: no longer after a reboot"]
            reboot(lab)
            assert reaches(lab, "spare", WEB4, 22)
            assert reaches(lab, "spare", WEB6, 22)
    assert sorted(lab.rules().splitlines()) == sorted(rules.splitlines())


def test_a_block_that_has_ended_is_not_loaded_after_a_reboot(lab: Lab) -> None:
    router = Router(lab, WITHOUT_SPARE)
    with blocks(router, persist=True, expires="PT5S"):
        end = int(lab.read("edge", END))
        assert eventually(lambda: int(lab.read("edge", "date +%s")) >= end)
        reboot(lab)
        assert reaches(lab, "spare", WEB4, 22)
        assert "stopgap" not in lab.read("edge", "nft list tables; systemctl --failed --no-legend")


def test_a_block_that_is_to_persist_comes_back_when_somebody_reloads_the_rules(lab: Lab) -> None:
    router = Router(lab, WITHOUT_SPARE)
    with blocks(router, persist=True, expires="PT1H"):
        for verb in ("restart", "reload"):
            lab.read("edge", f"systemctl {verb} nftables")
            assert eventually(lambda: "stopgap_web" in lab.read("edge", "nft list tables"), 20)
            assert not reaches(lab, "spare", WEB4, 22)
            assert not reaches(lab, "spare", WEB6, 22)
            assert router.failing_checks(persist=True, expires="PT1H") == {}
            assert router.planned(persist=True, expires="PT1H")[0] == []
    with blocks(router, expires="PT1H"):
        lab.read("edge", "systemctl reload nftables")
        assert reaches(lab, "spare", WEB4, 22)

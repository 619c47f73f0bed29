"""The script that loads and removes a block's table: which commands of nft(8) it runs, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.change.invocation import in_order
from stopgap.tasks.traffic.shell import run

from .namespace import Namespace, namespace, needs_namespaces

pytestmark = needs_namespaces
RULES = """\
table inet stopgap_web {
    set blocked4 { type ipv4_addr; flags timeout; elements = { 192.0.2.1 timeout 1h }; }
}
"""
LISTS = "-s list table inet stopgap_web"


@pytest.fixture
def router() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def asked(router: Namespace, folder: Path, what: str) -> list[str]:
    """Run the script; give the words of each call of nft(8)."""
    nft = folder / "nft"
    nft.write_text(f'#!/bin/sh\necho "$*" >>{folder}/calls\nexec /usr/sbin/nft "$@"\n')
    nft.chmod(0o755)
    (folder / "calls").write_text("")
    words = run("table", what, "inet", "stopgap_web", "owner", "first", "", "3600", rules=RULES)
    router.sh(f"PATH={folder}:$PATH\n{in_order((words,))}")
    return (folder / "calls").read_text().splitlines()


def test_a_first_block_asks_for_its_table_once_before_it_is_in_force(router: Namespace, tmp_path: Path) -> None:
    assert asked(router, tmp_path, "load")[:2] == [LISTS, "-f -"]


def test_a_block_that_is_taken_back_asks_for_its_table_twice(router: Namespace, tmp_path: Path) -> None:
    before = router.sh("nft list ruleset")
    asked(router, tmp_path, "load")
    assert asked(router, tmp_path, "unload") == ["-a list table inet stopgap_web", LISTS, "-f -"]
    assert "elements" in router.sh("nft list table inet stopgap_web"), "what is put back"
    router.sh("nft delete table inet stopgap_web")
    assert router.sh("nft list ruleset") == before


def test_a_look_knows_the_change_that_loaded_the_table_and_another_hand(router: Namespace, tmp_path: Path) -> None:
    asked(router, tmp_path, "load")
    look = in_order((run("table", "look", "inet", "stopgap_web", "owner"),))
    assert router.sh(look) == "first\n"
    router.sh("nft add chain inet stopgap_web theirs")
    assert router.sh(look) == "changed first\n"
    router.sh("nft delete table inet stopgap_web")
    assert router.sh(look) == "none\n"

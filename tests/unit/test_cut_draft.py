"""The inventory and the runbook that `stopgap cut` stands for, made of what was typed."""

from __future__ import annotations

import dataclasses
import shutil
from ipaddress import ip_address
from pathlib import Path

import pytest

from stopgap.orchestrator.cut.draft import CutAsked, drafted
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.source import InvalidInput

ASKED = CutAsked(hosts=("root@203.0.113.10",), at=("noc@10.9.0.1:2222",))
NEEDS_SSH = pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh(1) reads the settings")


@NEEDS_SSH
def test_two_addresses_become_an_inventory_in_which_the_router_may_block_these_addresses_alone() -> None:
    inventory = drafted(ASKED).inventory()

    web, edge = inventory.hosts["203.0.113.10"], inventory.hosts["10.9.0.1"]
    assert (web.user, web.upstream, web.ssh_config) == ("root", "10.9.0.1", True)
    assert (edge.user, edge.port, edge.driver) == ("noc", 2222, "auto")
    assert [str(network) for network in edge.may_block] == ["203.0.113.10/32"]
    assert inventory.usual_targets == ("targets",)
    assert inventory.select(inventory.usual_targets) == (web,)


@NEEDS_SSH
def test_found_addresses_are_blocked_too_on_every_router() -> None:
    found = {"203.0.113.10": (ip_address("2001:db8:113::10"),)}
    draft = dataclasses.replace(
        drafted(dataclasses.replace(ASKED, at=("root@10.9.0.1", "root@10.9.1.1"))), more=found
    )

    inventory = draft.inventory()

    assert inventory.hosts["203.0.113.10"].upstreams == ("10.9.0.1", "10.9.1.1")
    for name in ("10.9.0.1", "10.9.1.1"):
        assert [str(n) for n in inventory.hosts[name].may_block] == ["203.0.113.10/32", "2001:db8:113::10/128"]


@NEEDS_SSH
def test_the_runbook_says_how_long_who_is_let_through_and_shows_a_page_where_there_is_a_spare() -> None:
    asked = dataclasses.replace(
        ASKED, expires="6h", allow=("198.51.100.0/24",), spare="root@203.0.113.20", contact="noc@example.jp"
    )
    draft = drafted(asked)

    block, page = draft.runbook().steps
    assert (block.task, block.with_) == ("traffic.block", {"expires": "6h", "allow": ["198.51.100.0/24"]})
    assert (page.task, page.on, page.with_) == ("web.maintenance", "spare", {"contact": "noc@example.jp"})
    assert draft.inventory().hosts["203.0.113.10"].spare == "203.0.113.20"


def test_an_address_without_a_login_is_not_logged_in_to() -> None:
    draft = drafted(dataclasses.replace(ASKED, hosts=("203.0.113.10", "2001:db8:113::30")))

    assert [typed.logs_in for typed in draft.targets] == [False, False]
    assert [
        host.address for host in map(draft.inventory().hosts.get, ("203.0.113.10", "2001-db8-113--30")) if host
    ] == [
        "203.0.113.10",
        "2001:db8:113::30",
    ]


def test_without_ssh_on_this_machine_its_defaults_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    edge = drafted(ASKED).inventory().hosts["10.9.0.1"]

    assert (edge.user, edge.port, edge.default_identities, edge.ssh_config) == ("noc", 2222, True, False)
    assert edge.known_hosts == Path("~/.ssh/known_hosts").expanduser()


def test_a_router_cannot_be_told_to_cut_itself_off() -> None:
    with pytest.raises(InvalidInput, match="the host to cut off and a router"):
        drafted(dataclasses.replace(ASKED, hosts=("10.9.0.1",)))


@pytest.mark.parametrize("word", ["root@", "a b", "203.0.113.10:99999", ""])
def test_a_word_that_is_no_host_is_said_so(word: str) -> None:
    with pytest.raises(InvalidInput, match="is no host"):
        drafted(dataclasses.replace(ASKED, hosts=(word,)))


def test_a_folder_that_holds_a_cut_already_is_left_as_it_is(tmp_path: Path) -> None:
    draft = drafted(dataclasses.replace(ASKED, hosts=("203.0.113.10",)))
    runbook, inventory = draft.save(tmp_path / "new")
    assert (runbook.read_text(), inventory.read_text()) == (draft.runbook_text(), draft.inventory_text())

    with pytest.raises(UsageError, match=r"cut\.yaml is there already"):
        draft.save(tmp_path / "new")

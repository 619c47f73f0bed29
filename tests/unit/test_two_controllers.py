"""Two controllers at one router, and two runs of one controller: each undo takes its own block away alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .namespace import Controller, Namespace, namespace, needs_namespaces

pytestmark = needs_namespaces
HOUR = 3600
RULES = "nft list ruleset; ip -4 rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all; ls /run"


@pytest.fixture
def router() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


@pytest.fixture
def noc(router: Namespace, tmp_path: Path) -> Controller:
    return Controller(tmp_path / "noc", router)


@pytest.fixture
def customer(router: Namespace, tmp_path: Path) -> Controller:
    return Controller(tmp_path / "customer", router)


def left(router: Namespace) -> list[int]:
    """Give how many seconds each table of a block lasts yet, the shortest first."""
    listed = json.loads(router.sh("nft -j list ruleset"))["nftables"]
    sets = [item["set"] for item in listed if item.get("set", {}).get("name") == "blocked4"]
    return sorted(element["elem"]["expires"] for each in sets for element in each.get("elem", ()))


@pytest.mark.parametrize("first_to_go", ["noc", "customer"])
def test_each_controller_takes_its_own_block_away_and_the_other_ones_stays_for_its_time(
    router: Namespace, noc: Controller, customer: Controller, first_to_go: str
) -> None:
    before = router.sh(RULES)
    noc.block("24h")
    customer.block("240h")
    short, long = left(router)
    assert short <= 24 * HOUR < long <= 240 * HOUR
    first, second = (noc, customer) if first_to_go == "noc" else (customer, noc)
    status, said = first.stopgap("undo", "last", "--yes")
    assert (status, "1 undone" in said) == (0, True), said
    (rest,) = left(router)
    assert rest <= 240 * HOUR if first is noc else rest <= 24 * HOUR
    assert (rest > 24 * HOUR) == (first is noc)
    assert second.stopgap("undo", "last", "--yes")[0] == 0
    assert router.sh(RULES) == before


def test_a_second_run_of_each_controller_finds_its_own_block_in_force(
    router: Namespace, noc: Controller, customer: Controller
) -> None:
    noc.block("24h")
    dry = customer.block("240h", dry_run=True)
    done = customer.block("240h")
    assert dry["plan_digest"] == done["plan_digest"]
    tables = router.sh("nft list ruleset")
    for controller, expires in ((noc, "24h"), (customer, "240h")):
        again = controller.block(expires)
        assert [step["outcome"] for step in again["steps"]] == ["unchanged"]
    assert [line for line in router.sh("nft list ruleset").splitlines() if " by " in line] == [
        line for line in tables.splitlines() if " by " in line
    ]


def test_undo_of_a_block_that_was_prolonged_is_refused_and_leaves_it_prolonged(
    router: Namespace, noc: Controller
) -> None:
    before = router.sh(RULES)
    first = noc.block("24h")["run"]
    noc.block("240h", renew=True)
    status, said = noc.stopgap("undo", first, "--yes")
    assert (status, "drifted" in said) == (4, True), said
    assert left(router)[0] > 24 * HOUR
    status, said = noc.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert 23 * HOUR < left(router)[0] <= 24 * HOUR
    status, said = noc.stopgap("undo", first, "--yes")
    assert status == 0, said
    assert router.sh(RULES) == before


def test_a_prolonged_block_ends_when_the_first_one_would_have_once_it_is_undone(
    router: Namespace, noc: Controller
) -> None:
    noc.block("1h")
    ends = router.uptime + left(router)[0]
    noc.block("24h", renew=True)
    noc.stopgap("undo", "last", "--yes")
    assert router.uptime + left(router)[0] <= ends + 2


def test_what_was_undone_by_force_is_not_put_back_by_a_later_undo(router: Namespace, noc: Controller) -> None:
    before = router.sh(RULES)
    first = noc.block("24h")["run"]
    noc.block("240h", renew=True)
    assert noc.stopgap("undo", first, "--yes", "--force")[0] == 0
    assert left(router) == []
    status, said = noc.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert router.sh(RULES) == before


@pytest.mark.parametrize(
    "by_hand",
    [
        "nft add element inet stopgap_web blocked4 '{ 203.0.113.30 }'",
        "nft insert rule inet stopgap_web prerouting ip saddr 198.51.100.7 accept",
        "nft delete table inet stopgap_web; nft add table inet stopgap_web",
    ],
)
def test_a_table_that_somebody_has_changed_is_left_unless_it_is_forced(
    router: Namespace, noc: Controller, by_hand: str
) -> None:
    before = router.sh(RULES)
    noc.block("24h")
    router.sh(by_hand)
    changed = router.sh("nft -s list ruleset")
    status, said = noc.stopgap("undo", "last", "--yes")
    assert (status, "drifted" in said) == (4, True), said
    assert router.sh("nft -s list ruleset") == changed
    assert noc.stopgap("undo", "last", "--yes", "--force")[0] == 0
    assert router.sh(RULES) == before


def test_undo_after_the_router_lost_its_rules_finds_nothing_to_take_away(router: Namespace, noc: Controller) -> None:
    before = router.sh(RULES)
    noc.block("24h")
    router.sh("nft flush ruleset")
    assert noc.stopgap("undo", "last", "--yes")[0] == 0
    assert router.sh(RULES) == before


def test_a_block_that_has_lapsed_leaves_nothing_after_its_undo(router: Namespace, noc: Controller) -> None:
    before = router.sh(RULES)
    noc.block("24h")
    router.sh("nft delete element inet stopgap_web blocked4 '{ 203.0.113.10 }'")
    router.sh("nft delete element inet stopgap_web blocked6 '{ 2001:db8:113::10 }'")
    assert noc.stopgap("undo", "last", "--yes")[0] == 0
    assert router.sh(RULES) == before


@pytest.mark.parametrize("driver", ["iproute", "blackhole"])
@pytest.mark.parametrize("first_to_go", ["noc", "customer"])
def test_a_router_without_a_packet_filter_keeps_each_controllers_block(
    router: Namespace, tmp_path: Path, driver: str, first_to_go: str
) -> None:
    noc, customer = (Controller(tmp_path / name, router, driver) for name in ("noc", "customer"))
    before = router.sh(RULES)
    noc.block("24h")
    customer.block("240h")
    first, second = (noc, customer) if first_to_go == "noc" else (customer, noc)
    assert first.stopgap("undo", "last", "--yes")[0] == 0
    dropping = router.sh("ip rule | grep 203.0.113.10.blackhole; ip route show type blackhole", ok=(0, 1))
    assert "203.0.113.10" in dropping
    status, said = second.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert router.sh(RULES) == before


@pytest.mark.parametrize("driver", ["iproute", "blackhole"])
def test_undo_of_a_prolonged_block_gives_back_the_time_of_the_first(
    router: Namespace, tmp_path: Path, driver: str
) -> None:
    noc = Controller(tmp_path / "noc", router, driver)
    before = router.sh(RULES)
    first = noc.block("24h")["run"]
    due = router.sh("cat /run/stopgap/stopgap-web.due")
    noc.block("240h", renew=True)
    assert noc.stopgap("undo", first, "--yes")[0] == 4
    assert noc.stopgap("undo", "last", "--yes")[0] == 0
    assert router.sh("cat /run/stopgap/stopgap-web.due") == due
    assert noc.stopgap("undo", first, "--yes")[0] == 0
    assert router.sh(RULES) == before

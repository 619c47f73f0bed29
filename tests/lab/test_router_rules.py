"""A router's rules under many blocks: in one transaction, from several operators, in any order; then as they were.

The router is a network namespace with nft alone and a ruleset that was there before; packets prove drops elsewhere.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from stopgap.orchestrator.change import Change

from .alone import router_alone

SEQUENCES = int(os.environ.get("STOPGAP_SEQUENCES", "40"))
"""How many random ones."""


FIVE_HUNDRED = [
    *(f"203.0.113.{n}" for n in range(2, 252, 2)),
    *(f"2001:db8:113::{n:x}" for n in range(0x1000, 0x1000 + 2 * 375, 2)),
]


def test_five_hundred_addresses_are_one_transaction_and_lifted_in_one() -> None:
    with router_alone() as (alone, router):
        before = alone.rules()
        with alone.transactions() as made, router.block(addresses=FIVE_HUNDRED):
            listed = alone.rules()
            assert sum(address in listed for address in FIVE_HUNDRED) == 500
            assert router.planned(addresses=FIVE_HUNDRED)[0] == [], "it is in force as asked"
        assert len(made) == 3, "one to block, one to note the checksum of the block as listed, one to lift"
        assert alone.rules() == before


def test_operators_who_block_at_once_lose_nothing_of_each_other() -> None:
    hosts = [f"203.0.113.{n}" for n in range(40, 48)]
    with router_alone() as (alone, router):
        before = alone.rules()
        with ThreadPoolExecutor(len(hosts)) as operators:
            changes = list(operators.map(lambda host: router.apply(addresses=[host]), hosts))
            assert [host for host in hosts if router.planned(addresses=[host])[0]] == []
            list(operators.map(lambda change: router.run(change.undo_script()), changes))
        assert alone.rules() == before


class Shifts(RuleBasedStateMachine):
    """Blocks are made, changed, prolonged and taken back, those of one host in reverse; each undo is exact."""

    def __init__(self) -> None:
        super().__init__()
        self._context = router_alone()
        self.alone, self.router = self._context.__enter__()
        self.made: dict[str, list[tuple[Change, str]]] = {}

    @initialize()
    def look(self) -> None:
        self.before = self.alone.rules()

    def _apply(self, host: str, **params: Any) -> None:
        before = self._of(host)
        for change in self.router.planned(addresses=[host], **params)[0]:
            self.router.run(change.do_script())
            self.made.setdefault(host, []).append((change, before))

    def _of(self, host: str) -> str:
        label = host.replace(".", "_").replace(":", "_")
        return self.alone.ssh("edge", f"nft -s list table inet stopgap_{label} 2>/dev/null").stdout

    @rule(host=st.sampled_from(["203.0.113.10", "203.0.113.30", "2001:db8:113::10"]), hours=st.integers(1, 99))
    def block(self, host: str, hours: int) -> None:
        self._apply(host, expires=f"PT{hours}H")

    @precondition(lambda self: self.made)
    @rule(data=st.data(), days=st.integers(1, 20))
    def extend(self, data: st.DataObject, days: int) -> None:
        self._apply(data.draw(st.sampled_from(sorted(self.made))), expires=f"P{days}D", renew=True)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from(sorted(self.made)))
        change, before = self.made[host].pop()
        if not self.made[host]:
            del self.made[host]
        self.router.run(change.undo_script())
        assert self._of(host) == before

    def teardown(self) -> None:
        try:
            for changes in self.made.values():
                for change, _ in reversed(changes):
                    self.router.run(change.undo_script())
            assert self.alone.rules() == self.before
        finally:
            self._context.__exit__(None, None, None)


def test_any_sequence_of_blocks_extensions_and_undos_leaves_the_rules_as_they_were() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Shifts,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=8,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

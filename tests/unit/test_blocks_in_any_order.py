"""Blocks, extensions and undos of two controllers in any order, against real rules and a model without any.

What is asked is kept exactly: the block of each controller ends when the run of its that stands asked it to end, and
what the other controller does changes nothing of it.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from stopgap.orchestrator.change import DRIFTED, Change, rollback_timer_name
from stopgap.orchestrator.facts import InterfaceFact, SystemFact
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.task import At
from stopgap.tasks.traffic.block import BlockTraffic, Params
from stopgap.tasks.traffic.driver import DeviceFacts

from .namespace import Namespace, namespace, needs_namespaces

CONTROLLERS = ("aaaaaaaa", "bbbbbbbb")
HOURS = st.sampled_from([1, 5, 24, 90, 200])
"""Far enough apart that none is about as long as another."""
WEB = Host.model_validate(
    {"name": "web", "address": "203.0.113.10", "addresses": ["203.0.113.10", "2001:db8:113::10"], "upstream": "edge"}
)
NOT_READ = (
    "origin",
    "claimed_origin",
    "controller",
    "ways_to_target",
    "neighbours",
    "routes",
    "gateways",
    "interfaces",
)


@dataclass
class Layer:
    """A change of a controller's: which it is, and when what it made ends, in seconds since boot: between these."""

    change: Change
    seconds: int
    earliest: int
    latest: int


@dataclass
class Wanted:
    """What one controller has asked for: the last layer stands, those below it come back as it is undone."""

    standing: list[Layer] = field(default_factory=list)
    gone: list[Layer] = field(default_factory=list)


class Blocks(RuleBasedStateMachine):
    """Each rule is what an operator types; after each, the router has what the model says."""

    driver: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.router: Namespace = self.stack.enter_context(namespace())
        self.before = self.router.sh(RULES)
        self.wanted = {controller: Wanted() for controller in CONTROLLERS}
        self.runs = 0

    def teardown(self) -> None:
        for controller, wanted in self.wanted.items():
            for layer in [*reversed(wanted.standing), *wanted.gone]:
                assert self.router.status(layer.change.undo_script()) == 0, controller
        after = self.router.sh(RULES)
        self.stack.close()
        assert after == self.before

    @rule(who=st.sampled_from(CONTROLLERS), hours=HOURS, renew=st.booleans())
    def block(self, who: str, hours: int, renew: bool) -> None:
        """Block for so long, or prolong: what was asked already stands, another time replaces it."""
        wanted, seconds = self.wanted[who], hours * 3600
        earliest = self.router.uptime + seconds
        planned = self.plan(who, hours, renew)
        stands = bool(wanted.standing) and wanted.standing[-1].seconds == seconds
        assert (planned is None) == (stands and not renew)
        if planned is None:
            return
        assert self.router.status(planned.do_script()) == 0
        wanted.standing.append(Layer(planned, seconds, earliest, self.router.uptime + seconds))

    @rule(who=st.sampled_from(CONTROLLERS), which=st.integers(min_value=0, max_value=5))
    def undo(self, who: str, which: int) -> None:
        """Undo any run: the last one gives back what was before it; one below it is left, since it was replaced."""
        standing = self.wanted[who].standing
        if not standing:
            return
        layer = standing[which % len(standing)]
        last = layer is standing[-1]
        assert self.router.status(layer.change.undo_script()) == (0 if last else DRIFTED)
        if last:
            self.wanted[who].gone.append(standing.pop())

    @rule(who=st.sampled_from(CONTROLLERS), which=st.integers(min_value=0, max_value=5))
    def undo_by_force(self, who: str, which: int) -> None:
        """Undo a run whatever stands: where it was replaced, the whole block of that controller goes."""
        wanted = self.wanted[who]
        if not wanted.standing:
            return
        layer = wanted.standing[which % len(wanted.standing)]
        last = layer is wanted.standing[-1]
        assert self.router.status(layer.change.undo_script(force=True)) == 0
        if last:
            wanted.gone.append(wanted.standing.pop())
        else:
            wanted.gone += wanted.standing
            wanted.standing = []

    @rule(who=st.sampled_from(CONTROLLERS), which=st.integers(min_value=0, max_value=5))
    def undo_again(self, who: str, which: int) -> None:
        """Undo what was undone: nothing of it is there to take back, and nothing else is touched."""
        wanted = self.wanted[who]
        if wanted.gone:
            layer = wanted.gone[which % len(wanted.gone)]
            assert self.router.status(layer.change.undo_script()) in {0, DRIFTED}

    @invariant()
    def the_router_has_what_is_wanted(self) -> None:
        ends = OBSERVED[self.driver](self.router)
        assert set(ends) == {who for who, wanted in self.wanted.items() if wanted.standing}
        for who, (early, late) in ends.items():
            layer = self.wanted[who].standing[-1]
            assert early <= layer.latest + 1, (who, early, layer)
            assert late >= layer.earliest - 1, (who, late, layer)

    def plan(self, who: str, hours: int, renew: bool) -> Change | None:
        """Plan as a run would, on what is read of the router now, and give the change its name."""
        edge = Host.model_validate(
            {
                "name": "edge",
                "address": "203.0.113.1",
                "connection": "local",
                "driver": self.driver,
                "may_block": ["203.0.113.0/24", "2001:db8:113::/64"],
            }
        )
        scene = Scene(target=WEB, on=edge, upstream=edge, controller=who)
        params = Params(expires=timedelta(hours=hours), renew=renew)
        task = BlockTraffic()
        readers = {name: r for name, r in task.probe(params, scene).items() if name not in NOT_READ}
        read: dict[str, Any] = {n: self.router.read(r) for n, r in readers.items() if not isinstance(r, At)}  # type: ignore[arg-type]
        read["system"] = SystemFact(init="unknown", programs=("nft", "ip"))
        read["interfaces"] = (InterfaceFact.model_validate({"device": "br0", "address": "203.0.113.1/24"}),)
        planned = [p for p in task.plan(params, DeviceFacts.model_validate(read), scene) if isinstance(p, Change)]
        if not planned:
            return None
        (change,) = planned
        self.runs += 1
        return change.named(rollback_timer_name(f"run{self.runs}", "cut", "web", 0))


RULES = "nft list ruleset; ip -4 rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all"


def ends_of_tables(router: Namespace) -> dict[str, tuple[int, int]]:
    """Give by controller when its table's drops end, by the kernel, in seconds since boot: between these."""
    found: dict[str, tuple[int, int]] = {}
    for table in re.findall(r"^table inet (\S+)", router.sh("nft list tables"), re.M):
        owner = re.search(r'comment "by (\S+) ', router.sh(f"nft list chain inet {table} made"))
        early = router.uptime
        listed = json.loads(router.sh(f"nft -j list set inet {table} blocked4"))["nftables"]
        late = router.uptime
        (seconds,) = [e["elem"]["expires"] for item in listed if "set" in item for e in item["set"]["elem"]]
        assert owner is not None
        assert owner[1] not in found
        found[owner[1]] = (early + seconds, late + seconds + 1)
    return found


def ends_of_schedules(router: Namespace) -> dict[str, tuple[int, int]]:
    """Give by controller when the router lifts its block, by what is scheduled; see that rules drop meanwhile."""
    files = "cd /run/stopgap 2>/dev/null && for f in *.by; do read -r by rest <$f && read -r due <${f%by}due && "
    early = router.uptime
    lines = router.sh(f"{files} echo $by $((due - $(date +%s))); done 2>/dev/null; true").splitlines()
    found = {owner: (early + int(left), router.uptime + int(left)) for owner, left in map(str.split, lines)}
    rules = router.sh("ip rule | grep 'from 203.0.113.10 blackhole'; ip route show type blackhole", ok=(0, 1))
    assert bool(rules) == bool(found)
    assert len(found) == len(lines)
    return found


OBSERVED = {"nftables": ends_of_tables, "iproute": ends_of_schedules, "blackhole": ends_of_schedules}


@pytest.mark.long
@needs_namespaces
@pytest.mark.parametrize("driver", list(OBSERVED))
def test_blocks_of_two_controllers_last_as_long_as_each_has_asked(driver: str) -> None:
    machine = type("Machine", (Blocks,), {"driver": driver})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.target),
        ),
    )

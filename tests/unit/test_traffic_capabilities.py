"""A driver that cannot do what is asked refuses, or says what stays open, and the verdict follows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.journal.records import CheckJudged
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.run.verdict import verdict
from stopgap.orchestrator.task import Gap, Refused, Unlimited, Unplannable
from stopgap.tasks.traffic.block import BlockTraffic, Params
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Service
from stopgap.tasks.traffic.drivers import SHIPPED
from stopgap.tasks.traffic.nftables import Nftables
from stopgap.tasks.traffic.shortfalls import refuse_beyond, shortfalls
from stopgap.testing import scene_of

CASES = Path(__file__).parents[1] / "cases" / "traffic.block"
TASK = BlockTraffic()

BLOCK = Block(
    label="web",
    addresses=(ip_network("203.0.113.10"), ip_network("2001:db8:113::10")),
    allowed=(),
    spare=(),
    expires=timedelta(hours=1),
)


class OneWay(Nftables):
    name: ClassVar[str] = "one-way"
    capabilities: ClassVar[Capabilities] = Capabilities(directions=("to",), ipv6=False)


def test_every_driver_says_what_it_can_do() -> None:
    for driver in SHIPPED.values():
        assert driver.capabilities.describe()


@pytest.mark.parametrize("path", sorted(CASES.glob("*.json")), ids=lambda path: path.stem)
def test_a_block_that_its_device_takes_back_unless_confirmed_is_of_a_driver_that_says_so(path: Path) -> None:
    case = json.loads(path.read_text())
    scene = scene_of(case, "upstream")
    try:
        params = Params.model_validate_json(json.dumps(case.get("params", {})))
        planned = list(TASK.plan(params, DeviceFacts.model_validate_json(json.dumps(case.get("facts", {}))), scene))
    except (Refused, Unplannable):
        return
    # Links that go down let nobody in who could confirm it; a person is asked instead.
    asked = any(isinstance(item, Question) for item in planned)
    for change in (item for item in planned if isinstance(item, RunCommands) and item.lasts and not asked):
        assert SHIPPED[scene.on.driver or ""].capabilities.commit_confirm is bool(change.rollback_timer)


def test_a_destination_only_driver_is_never_better_than_partly() -> None:
    refuse_beyond(OneWay(), BLOCK, allowing=False, diverting=False)
    gaps = [item for item in shortfalls(OneWay(), BLOCK) if isinstance(item, Gap)]
    assert [gap.limit for gap in gaps] == ["partly", "partly", None]
    assert gaps[2].at_best == Unlimited(why="a block that stays lets no packet pass")
    assert "no packet from the blocked addresses" in gaps[0].text
    assert "2001:db8:113::10" in gaps[1].text


@pytest.mark.parametrize(
    ("block", "allowing", "diverting", "word"),
    [
        (BLOCK, True, False, "allow"),
        (BLOCK, False, True, "web_to: drop"),
        (replace(BLOCK, directions=("from",)), False, False, "from it alone"),
        (replace(BLOCK, addresses=BLOCK.addresses[1:]), False, False, "IPv6"),
        (replace(BLOCK, persist=True), False, False, "persist"),
        (replace(BLOCK, log=True), False, False, "log"),
        (replace(BLOCK, ports=(Service("tcp", 25),)), False, False, "ports"),
        (replace(BLOCK, services=(Service("tcp", 80),)), False, False, "allow_services"),
    ],
)
def test_what_a_driver_cannot_do_is_refused(block: Block, allowing: bool, diverting: bool, word: str) -> None:
    with pytest.raises(Refused, match=word):
        refuse_beyond(OneWay(), block, allowing=allowing, diverting=diverting)


def test_a_verdict_is_never_better_than_what_a_step_has_named_as_open() -> None:
    seen = [
        CheckJudged(
            step="s", target="web", vantage="isp", about="port 22", holds=True, seen="silent", containment=True
        )
    ]
    assert verdict(seen) == "contained"
    assert verdict(seen, ["unverified"]) == "unverified"
    assert verdict(seen, ["unverified", "partly"]) == "partly"


def test_a_gap_sets_a_limit_to_the_verdict_or_says_why_it_sets_none() -> None:
    with pytest.raises(ValidationError, match="at_best"):
        Gap.model_validate({"text": "something is open"})
    assert Gap(text="a letter did not go", at_best=Unlimited(why="no packet")).limit is None
    assert Gap(text="a way is open", at_best="partly").limit == "partly"

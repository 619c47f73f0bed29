"""A step that would cut the way which a later step or an undo needs is refused, offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from stopgap.orchestrator.cli import main

INVENTORY = """\
hosts:
  web: {{address: {web}, addresses: [203.0.113.10], upstream: edge, switchport: Ethernet7}}
  edge: {{address: 10.9.0.1, driver: {driver}, may_block: [203.0.113.0/24]{jump}}}
"""
BLOCK = "  - {id: cut, task: traffic.block, with: {web_to: drop}}\n"
EVIDENCE = "  - {id: look, task: evidence.collect, with: {profile: volatile}}\n"


def check(folder: Path, *steps: str, driver: str = "blackhole", web: str = "203.0.113.10", jump: str = "") -> int:
    (folder / "inventory.yaml").write_text(INVENTORY.format(driver=driver, web=web, jump=jump))
    (folder / "runbook.yaml").write_text("name: In order\nsteps:\n" + "".join(steps))
    return main(["check", str(folder / "runbook.yaml"), "-i", str(folder / "inventory.yaml"), "-t", "web"])


@pytest.mark.parametrize("driver", ["blackhole", "switchport-eos"])
def test_a_look_at_a_host_that_is_cut_off_for_everybody_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], driver: str
) -> None:
    known = {"blackhole": "blackhole", "switchport-eos": "switchport, cli: eos"}[driver]

    assert check(tmp_path, BLOCK, EVIDENCE, driver=known) == 4

    said = capsys.readouterr().err
    assert "runbook.yaml:4:" in said
    assert "the step cut (line 3) cuts the operator's own way to web" in said
    assert "put look before cut" in said


def test_the_other_order_is_sound(tmp_path: Path) -> None:
    assert check(tmp_path, EVIDENCE, BLOCK) == 0


@pytest.mark.parametrize("driver", ["nftables", "iptables", "iproute", "frr"])
def test_so_is_a_router_that_lets_the_operator_through_or_is_not_on_the_way(tmp_path: Path, driver: str) -> None:
    assert check(tmp_path, BLOCK, EVIDENCE, driver=driver) == 0


def test_a_host_with_a_way_of_its_own_for_the_operator_can_be_looked_at(tmp_path: Path) -> None:
    assert check(tmp_path, BLOCK, EVIDENCE, web="10.8.0.5") == 0


def test_a_step_that_does_not_run_needs_no_way(tmp_path: Path) -> None:
    assert check(tmp_path, BLOCK, EVIDENCE.replace("look,", "look, when: false,")) == 0


def test_one_of_several_routers_that_spares_nobody_is_enough_to_cut_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    several = INVENTORY.replace("upstream: edge,", "upstream: [other, edge],") + (
        "  other: {{address: 10.9.0.9, driver: nftables, may_block: [203.0.113.0/24]}}\n"
    )
    (tmp_path / "inventory.yaml").write_text(several.format(driver="blackhole", web="203.0.113.10", jump=""))
    (tmp_path / "runbook.yaml").write_text("name: In order\nsteps:\n" + BLOCK + EVIDENCE)
    assert main(["check", str(tmp_path / "runbook.yaml"), "-i", str(tmp_path / "inventory.yaml"), "-t", "web"]) == 4
    assert "blackhole on edge spares nobody" in capsys.readouterr().err


def test_a_router_behind_what_it_cuts_off_could_not_be_told_to_undo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, BLOCK, jump=", jump: web") == 4
    assert "edge is reached through web, which this step cuts off" in capsys.readouterr().err


UNLOCK = "  - {id: unlock, task: host.unlock, with: {paths: [/usr]}}\n"


def test_attributes_are_not_cleared_before_evidence_was_collected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, UNLOCK, EVIDENCE) == 4
    said = capsys.readouterr().err
    assert "runbook.yaml:3:" in said
    assert "host.unlock is refused unless a step of evidence.collect has succeeded before it" in said
    assert check(tmp_path, EVIDENCE, UNLOCK) == 0


def test_unless_the_runbook_says_that_it_does_without(tmp_path: Path) -> None:
    assert check(tmp_path, UNLOCK.replace("/usr]", "/usr], without_evidence: true")) == 0

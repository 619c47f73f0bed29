"""Blocks that a router asks its provider for over BGP: a real session, and the packets that it decides about."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import Output, ScheduledFact
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.shell import join
from stopgap.tasks.traffic import expiry_timer

from .conftest import ROOT, Lab
from .operator import Operator
from .world import beacon, smtp_session

WEB = ("http://203.0.113.10/", "http://[2001:db8:113::10]/")


def until(holds: Callable[[], bool], patience: float = 8) -> bool:
    """Look until it holds, or so many seconds are over."""
    end = time.monotonic() + patience
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.2)
    return held


@pytest.fixture
def runbook(tmp_path: Path) -> str:
    path = tmp_path / "block.yaml"
    path.write_text(
        "name: Block\n"
        "params: {expires: {type: duration, default: 2h}}\n"
        "steps:\n"
        "  - {id: cut-off, task: traffic.block, with: {expires: '{{ params.expires }}'}}\n"
    )
    return str(path)


def configuration(lab: Lab) -> str:
    """FRR's configuration, BIRD's protocols, and what else a block may leave behind on the router."""
    return lab.read(
        "edge",
        "vtysh -c 'show running-config'; birdc -r show protocols | sed '1,2d; s/[0-9:.]\\{12\\}//'; "
        "systemctl list-units --all --plain 'stopgap-*'; ls -A /run/stopgap* 2>/dev/null; true",
    )


def state(lab: Lab) -> tuple[str, str, str]:
    """What both routers are told to do, and what they do."""
    return configuration(lab), lab.rules("edge"), lab.rules("isp")


def operator_with(lab: Lab, folder: Path, driver: str) -> Operator:
    """Give an operator whose inventory has another driver for edge."""
    inventory = (ROOT / "inventories/lab.yaml").read_text()
    inventory = inventory.replace("driver: nftables", f"driver: {driver}")
    path = folder / "inventory.yaml"
    path.write_text(inventory)
    return Operator(lab, folder, str(path))


@pytest.fixture
def frr(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    """An operator whose router runs FRR; what the router announces and routes is the same afterwards."""
    before = state(lab)
    operator = operator_with(lab, tmp_path, "frr")
    yield operator
    operator.undo_all()
    assert until(lambda: state(lab) == before)


def due(lab: Lab) -> int:
    return int(lab.read("edge", "cat /run/stopgap/stopgap-web.due"))


def test_the_provider_drops_what_is_addressed_to_the_host_and_its_own_packets_go_on(
    lab: Lab, frr: Operator, runbook: str
) -> None:
    with smtp_session(lab) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "answered\n"
        done = frr.run(runbook, "-t", "web", "--yes")
        assert done.status == 0, done.out + done.err
        session.communicate(timeout=20)
        assert session.returncode != 0, "a session from before went on"

    assert done.last["containment"] == {"web": "partly"}
    assert "frr drops no packet from the blocked addresses: it is a one-way cut" in done.out
    assert [lab.http(url) for url in WEB] == [0, 0]
    assert not lab.tcp("203.0.113.10", 25)
    assert beacon(lab) == {"udp4", "udp6"}, "one-way datagrams leak, and nothing else"
    assert lab.read("web", "hostname") == "web\n", "the operator still gets in"
    assert lab.tcp("203.0.113.30", 22), "a neighbour is untouched"

    routes = lab.read("isp", "ip -4 route show type blackhole; ip -6 route show type blackhole")
    assert {line.split()[1] for line in routes.splitlines() if "bgp" in line} == {"203.0.113.10", "2001:db8:113::10"}
    assert "blackhole" in lab.read("isp", "vtysh -c 'show bgp ipv4 unicast 203.0.113.10/32'")


def test_a_second_run_changes_nothing_and_undo_of_a_longer_one_brings_the_earlier_end_back(
    lab: Lab, frr: Operator, runbook: str
) -> None:
    assert frr.run(runbook, "-t", "web", "--yes").outcomes == {"cut-off": "changed"}
    first, announced = due(lab), lab.read("edge", "vtysh -c 'show running-config'")
    assert frr.run(runbook, "-t", "web", "--yes").outcomes == {"cut-off": "unchanged"}
    assert frr.run(runbook, "-t", "web", "--yes", "-p", "expires=5h").outcomes == {"cut-off": "changed"}
    assert due(lab) - first >= 3 * 3600
    assert frr.stopgap("undo", "last", "--yes").status == 0
    assert abs(due(lab) - first) <= 2
    assert lab.read("edge", "vtysh -c 'show running-config'") == announced
    assert "stopgap-web.timer" in lab.read("edge", "systemctl list-timers --plain 'stopgap-*'")


def test_the_router_withdraws_by_itself_when_the_time_is_over(lab: Lab, frr: Operator, runbook: str) -> None:
    before = configuration(lab)
    assert frr.run(runbook, "-t", "web", "--yes", "-p", "expires=4s").outcomes == {"cut-off": "changed"}
    assert until(lambda: configuration(lab) == before)
    assert until(lambda: [lab.http(url) for url in WEB] == [200, 200])
    assert frr.stopgap("undo", "last", "--yes").status == 0, "undoing what has lapsed is as good"


def test_an_announcement_that_no_peer_hears_fails_the_step(lab: Lab, frr: Operator, runbook: str) -> None:
    quiet = "vtysh -c 'configure terminal' -c 'route-map TO-ISP deny 5' -c 'match community STOPGAP-TEST'"
    lab.read(
        "edge",
        f"vtysh -c 'configure terminal' -c 'bgp community-list standard STOPGAP-TEST permit 65535:666'; {quiet}",
    )
    try:
        done = frr.run(runbook, "-t", "web", "--yes")
        assert done.status == 1
        assert "sent to no peer" in done.out
        assert done.last["containment"] == {"web": "partly"}
        assert frr.stopgap("undo", "last", "--yes").status == 0
    finally:
        lab.read(
            "edge",
            "vtysh -c 'configure terminal' -c 'no route-map TO-ISP deny 5'"
            " -c 'no bgp community-list standard STOPGAP-TEST permit 65535:666'",
        )


def test_two_hundred_addresses_are_announced_and_withdrawn_at_once(lab: Lab, frr: Operator, tmp_path: Path) -> None:
    addresses = [f"203.0.113.{n}/32" for n in range(40, 240, 2)]
    addresses += [f"2001:db8:113::{n:x}/128" for n in range(64, 264, 2)]
    step = {"id": "cut-off", "task": "traffic.block", "on": "target", "with": {"addresses": addresses}}
    path = tmp_path / "many.yaml"
    path.write_text(json.dumps({"name": "Block many", "steps": [step]}))
    done = frr.run(str(path), "-t", "edge", "--yes")
    assert done.outcomes == {"cut-off": "changed"}, done.out
    assert until(lambda: lab.read("isp", "ip route show type blackhole | grep -c bgp").strip() == "100")
    assert frr.stopgap("undo", "last", "--yes").status == 0
    assert until(lambda: "bgp" not in lab.read("isp", "ip route show type blackhole"))


@pytest.fixture
def flowspec(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    """An operator whose router speaks FlowSpec, to a provider who installs what it hears."""
    assert until(lambda: "Established" in lab.read("edge", "birdc -r show protocols isp"))
    before = state(lab)
    lab.read("isp", "systemctl start flowspec")
    operator = operator_with(lab, tmp_path, "flowspec")
    yield operator
    operator.undo_all()
    assert until(lambda: "flowspec" not in lab.rules("isp"))
    lab.read("isp", "systemctl stop flowspec")
    assert state(lab) == before


def test_rules_for_both_directions_reach_the_provider_and_no_packet_passes_there(
    lab: Lab, flowspec: Operator, runbook: str
) -> None:
    with smtp_session(lab) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "answered\n"
        done = flowspec.run(runbook, "-t", "web", "--yes")
        assert done.status == 0, done.out + done.err
        session.communicate(timeout=20)
        assert session.returncode != 0, "a session from before went on"

    assert done.last["containment"] == {"web": "partly"}, "what the provider does is seen from outside in part"
    assert beacon(lab) == set()
    assert [lab.http(url) for url in WEB] == [0, 0]
    assert lab.read("web", "hostname") == "web\n", "the operator still gets in"
    assert lab.tcp("203.0.113.30", 22), "a neighbour is untouched"

    received = lab.read("isp", "birdc -r show route table flowtab4; birdc -r show route table flowtab6")
    for rule in (
        "flow4 { dst 203.0.113.10/32; src 10.9.0.2/32; }",
        "flow4 { dst 10.9.0.2/32; src 203.0.113.10/32; }",
        "flow4 { dst 203.0.113.10/32; }",
        "flow4 { src 203.0.113.10/32; }",
        "flow6 { dst 2001:db8:113::10/128; }",
        "flow6 { src 2001:db8:113::10/128; }",
    ):
        assert rule in received

    assert flowspec.run(runbook, "-t", "web", "--yes").outcomes == {"cut-off": "unchanged"}
    assert flowspec.run(runbook, "-t", "web", "--yes", "-p", "expires=4s").outcomes == {"cut-off": "changed"}
    assert until(lambda: "flow4" not in lab.read("isp", "birdc -r show route table flowtab4"), 12)


def test_rules_that_the_provider_does_not_install_fail_the_step(lab: Lab, flowspec: Operator, runbook: str) -> None:
    lab.read("isp", "systemctl kill -s STOP flowspec")
    try:
        done = flowspec.run(runbook, "-t", "web", "--yes")
    finally:
        lab.read("isp", "systemctl kill -s CONT flowspec")
    assert (done.status, done.outcomes) == (1, {"cut-off": "failed"})
    assert "made, but" in done.reason("cut-off")
    assert '"seen": "all 4"' in done.out, "BIRD had sent them"


def test_who_is_allowed_passes_at_the_provider(lab: Lab, flowspec: Operator, tmp_path: Path) -> None:
    path = tmp_path / "allow.yaml"
    step = {"id": "cut-off", "task": "traffic.block", "with": {"allow": ["198.51.100.2/32"]}}
    path.write_text(json.dumps({"name": "Block", "steps": [step]}))
    assert flowspec.run(str(path), "-t", "web", "--yes").outcomes == {"cut-off": "changed"}
    assert until(lambda: lab.http(WEB[1]) == 0)
    assert lab.http(WEB[0]) == 200, "allowed"


def test_a_configuration_that_bird_does_not_take_is_put_back(lab: Lab, flowspec: Operator, runbook: str) -> None:
    broken = "/run/stopgap-bird-0.conf"
    lab.read("edge", f"echo 'protocol nonsense;' >{broken}")
    try:
        done = flowspec.run(runbook, "-t", "web", "--yes")
        assert done.outcomes == {"cut-off": "failed"}
        assert "syntax error" in done.reason("cut-off")
        assert lab.ssh("edge", "ls /run/stopgap-bird-web.conf").returncode != 0
    finally:
        lab.read("edge", f"rm {broken}")


def test_without_systemd_what_is_scheduled_is_seen_happens_and_can_be_called_off(lab: Lab) -> None:
    def router(*scripts: str) -> str:
        script = "; ".join(("mount -t tmpfs none /run/systemd", *(f"{{ {s}\n}}" for s in scripts)))
        return lab.read("edge", join(["unshare", "-m", "sh", "-c", script]))

    def seen(text: str) -> ScheduledFact:
        return expiry_timer.reader("test").parse(Output(HostText(text.encode()), HostText(b""), status=0))

    look, mark = expiry_timer.reader("test").script(), command("touch", "/run/lapsed")
    fact = seen(router(expiry_timer.schedule("test", timedelta(hours=1), mark).script(), look))
    assert timedelta(seconds=3590) < fact.left <= timedelta(hours=1)
    router(expiry_timer.schedule("test", timedelta(seconds=1), mark).script())
    assert until(lambda: lab.ssh("edge", "rm /run/lapsed").returncode == 0)
    assert seen(router(look)).due is None
    router(expiry_timer.schedule("test", timedelta(seconds=2), mark).script())
    assert seen(router(expiry_timer.cancel("test").script(), expiry_timer.cancel("test").script(), look)).due is None
    time.sleep(2.5)
    assert lab.ssh("edge", "rm /run/lapsed; ls -d /run/stopgap/test*; pgrep -f stopgap-test").stdout == ""

"""Routers without a shell: blocked, confirmed, undone and refused over their own command lines, emulated."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ..unit.bench import outcomes
from ..unit.ssh_server import wait_until
from .bench import DeviceBench
from .cisco import Eos, Ios
from .junos import Junos
from .routeros import RouterOs
from .vendors import VENDORS
from .vyos import Vyos

LINES = {
    "vyos": "set firewall group network-group STOPGAP network 203.0.113.10/32",
    "routeros": "/ip firewall address-list add list=stopgap address=203.0.113.10",
    "junos": "set policy-options prefix-list STOPGAP 203.0.113.10/32",
    "eos": "5000 deny ip host 203.0.113.10 any",
    "ios": "5000 deny ip host 203.0.113.10 any",
}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def reason(events: list[dict[str, Any]]) -> str:
    return str(events[-1]["steps"][0]["reason"])


def blocks_web(dump: str, vendor: str) -> bool:
    """Both families, both ways, and who is allowed."""
    if vendor in {"eos", "ios"}:
        wanted = [
            f"STOPGAP{six}-{way}: {n} {verb} {ip} {rule}"
            for six, ip, web in (("", "ip", "203.0.113.10"), ("6", "ipv6", "2001:db8:113::10"))
            for way, rule in (("IN", f"host {web} any"), ("OUT", f"any host {web}"))
            for n, verb in ((5000, "deny"),)
        ]
        wanted.append("permit ip host 198.51.100.9 host 203.0.113.10")
    elif vendor == "routeros":
        wanted = ["ip stopgap 203.0.113.10", "ipv6 stopgap 2001:db8:113::10", "ip stopgap-allow 198.51.100.9"]
    else:
        wanted = ["203.0.113.10/32", "2001:db8:113::10/128", "STOPGAP-ALLOW"]
    return all(each in dump for each in wanted)


def test_a_block_is_confirmed_over_a_second_login_and_undo_leaves_the_router_as_it_was(
    devices: DeviceBench, vendor: str
) -> None:
    device = VENDORS[vendor]()
    server = devices.serve(device, driver=vendor)
    before = device.dump()

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (0, {"block": "changed"}), reason(events)
    run = events[-1]["run"]
    assert blocks_web(device.dump(), vendor), device.dump()
    assert not device.waiting, "nobody confirmed"
    assert len(server.attempts) == 2

    said = len(device.said)
    status, events = devices.block("--yes")
    assert (status, outcomes(events)) == (0, {"block": "unchanged"}), device.said[said:]

    assert devices.undo(run) == 0
    assert device.dump() == before


def test_a_dry_run_says_every_line_and_writes_nothing(devices: DeviceBench, vendor: str) -> None:
    device = VENDORS[vendor]()
    devices.serve(device, driver=vendor)
    before = device.dump()
    step = {"id": "block", "task": "traffic.block", "with": {"allow": ["198.51.100.9"]}}
    runbook = devices.bench.runbook(step)

    status, out, err = devices.bench.stopgap(
        "run", runbook, "-i", str(devices.bench.inventory), "-t", "web", "--dry-run"
    )

    assert status == 0, out + err
    assert f"> {LINES[vendor]}" in out
    assert "over a second login" in out
    assert device.dump() == before
    assert not any(
        line.startswith(("configure", "set f", "set pol", "commit")) or " add " in line for line in device.said
    )


def test_a_block_that_locks_the_operator_out_heals_itself(devices: DeviceBench, vendor: str) -> None:
    device = VENDORS[vendor](minute=1.0)
    server = devices.serve(device, driver=vendor)
    server.lock_out_on = LINES[vendor]
    before = device.dump()

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert "second login failed" in reason(events)
    assert blocks_web(device.dump(), vendor), "it was made"
    deadline = time.monotonic() + 60
    while device.dump() != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert device.dump() == before, "and the device went back"


def test_a_line_that_the_device_refuses_fails_the_step_and_leaves_nothing(devices: DeviceBench, vendor: str) -> None:
    device = VENDORS[vendor]()
    devices.serve(device, driver=vendor)
    v6 = {
        "vyos": "set firewall group ipv6-network-group STOPGAP6 network 2001",
        "routeros": "/ipv6 firewall address-list add list=stopgap ",
        "junos": "set policy-options prefix-list STOPGAP6 2001",
        "eos": "5000 deny ipv6",
        "ios": "sequence 5000 deny ipv6",
    }
    device.refuse = v6[vendor]
    before = device.dump()

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert v6[vendor] in reason(events)
    assert device.dump() == before
    assert not device.waiting


def test_a_wrong_host_key_is_refused_before_anybody_logs_in(devices: DeviceBench, vendor: str) -> None:
    server = devices.serve(VENDORS[vendor](), driver=vendor, pinned=False)

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (3, {"block": "unreachable"})
    assert "HOST KEY CHANGED" in reason(events)
    assert server.attempts == []


def test_what_a_router_shows_is_escaped(devices: DeviceBench) -> None:
    device = Ios()
    devices.serve(device, driver="ios")
    device.hostile = "\n\x1b]0;owned\x07\x1b[2J permit ip any any \u202e"
    device.config.lists["STOPGAP-IN"] = {100: "permit ip any any"}

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert "does not end with" in reason(events)
    assert "\x1b" not in str(events)


def test_a_router_that_is_not_prepared_is_left_alone(devices: DeviceBench, vendor: str) -> None:
    device: Any = VENDORS[vendor]()
    devices.serve(device, driver=vendor)
    if vendor == "routeros":
        device.raw["ipv6"].clear()
    elif vendor in {"eos", "ios"}:
        device.config.lists.pop("STOPGAP6-OUT")
    else:
        device.config = [line for line in device.config if "STOPGAP6" not in line]
    before = device.dump()

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert "docs/routers.md" in reason(events)
    assert device.dump() == before


def test_an_entry_that_somebody_else_took_away_is_drift_for_the_undo(devices: DeviceBench) -> None:
    device = Eos()
    devices.serve(device, driver="eos")
    assert devices.block("--yes")[0] == 0
    device.config.lists["STOPGAP-IN"].pop(5000)
    there = device.dump()

    assert devices.undo() == 4
    assert device.dump() == there


def test_what_lapsed_by_itself_counts_as_undone(devices: DeviceBench) -> None:
    device = RouterOs(minute=1.0)
    devices.serve(device, driver="routeros")
    before = device.dump()
    assert devices.block("--yes", expires="3m")[0] == 0
    assert device.dump() != before
    time.sleep(3.2)
    assert device.dump() == before
    assert devices.undo() == 0


@pytest.mark.parametrize(
    ("cli", "port"), [("ios", "GigabitEthernet1/0/7"), ("eos", "Ethernet7"), ("junos", "ge-0/0/7")]
)
def test_a_switchport_is_shut_only_when_a_person_says_yes(devices: DeviceBench, cli: str, port: str) -> None:
    device = VENDORS[cli]()
    devices.serve(device, driver="switchport", cli=cli, switchport=port)
    before = device.dump()

    status, events = devices.block(allow=[])
    assert status == 4
    assert device.dump() == before

    status, events = devices.block("--yes", allow=[])
    assert (status, outcomes(events)) == (0, {"block": "changed"}), reason(events)
    assert "shutdown" in device.dump() or "disable" in device.dump()
    assert devices.undo() == 0
    assert device.dump() == before


def test_a_null_route_is_named_as_the_one_way_cut_that_it_is(devices: DeviceBench) -> None:
    device = Ios()
    devices.serve(device, driver="ios-null0", cli="ios")
    before = device.dump()

    status, events = devices.block("--yes", allow=[])

    assert status == 0, reason(events)
    assert "ip route 203.0.113.10 255.255.255.255 Null0 tag 666" in device.dump()
    assert "ipv6 route 2001:db8:113::10/128 Null0 tag 666" in device.dump()
    assert events[-1]["containment"] == {"web": "partly"}
    assert devices.undo() == 0
    assert device.dump() == before


def test_ios_without_an_archive_is_altered_all_the_same_and_the_gap_is_named(devices: DeviceBench) -> None:
    device = Ios()
    device.archive = False
    devices.serve(device, driver="ios")

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (0, {"block": "changed"}), reason(events)
    assert "configure terminal" in device.said
    assert not any("revert" in line for line in device.said)
    assert "would not go back by itself" in str(events)


def test_a_script_for_a_shell_is_never_sent_to_a_device(devices: DeviceBench) -> None:
    device = Junos()
    devices.serve(device, driver="junos")
    step = {"id": "id", "task": "host.command", "with": {"argv": ["id"], "reads": True}}

    status, events = devices.bench.run(devices.bench.runbook(step), "--yes", target="edge")

    assert status == 1
    assert "has no shell" in reason(events)
    assert not any("id" in line.split() for line in device.said)


def test_a_hundred_addresses_are_one_transaction(devices: DeviceBench) -> None:
    device = Eos()
    devices.serve(device, driver="eos")
    before = device.dump()
    many = [f"203.0.113.{n}" for n in range(1, 100, 2)] + [f"2001:db8:113::{n:x}" for n in range(1, 100, 2)]

    status, events = devices.block("--yes", addresses=many, allow=[])

    assert (status, outcomes(events)) == (0, {"block": "changed"}), reason(events)
    assert device.dump().count(" deny ") == 200
    assert sum(line.startswith("commit") for line in device.said) == 1
    assert devices.undo() == 0
    assert device.dump() == before


def test_what_a_device_says_of_a_refused_line_is_escaped(devices: DeviceBench) -> None:
    device = Ios()
    devices.serve(device, driver="ios")
    device.refuse, device.hostile = "5000 deny", "\n\x1b]0;owned\x07 \u202e"

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert "\\x1b]0;owned\\x07" in reason(events)
    assert not {"\x1b", "\x07", "\u202e"} & set(str([list(event.values()) for event in events]))


def test_a_device_that_never_stops_talking_is_left(devices: DeviceBench) -> None:
    device = Ios()
    devices.serve(device, driver="ios")
    device.hostile = "flood" * 2_000_000

    status, events = devices.block("--yes")

    assert status == 1
    assert "does not stop talking" in reason(events)


def test_what_another_operator_has_in_hand_is_not_given_up(devices: DeviceBench) -> None:
    device = Junos()
    devices.serve(device, driver="junos")
    device.exclusive = object()

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert "locked by" in reason(events)
    assert "rollback 0" not in device.said


def test_a_cut_of_one_direction_alone_is_refused(devices: DeviceBench) -> None:
    device = Eos()
    devices.serve(device, driver="eos")
    before = device.dump()

    status, _ = devices.block("--yes", direction="from")

    assert status == 4
    assert device.dump() == before


@pytest.mark.parametrize(("cli", "commit"), [("junos", "commit confirmed"), ("eos", "commit timer"), ("ios", "end")])
def test_status_says_when_a_device_takes_back_what_may_not_have_been_confirmed(
    devices: DeviceBench, cli: str, commit: str
) -> None:
    device = VENDORS[cli](minute=1.0)
    server = devices.serve(device, driver=cli)
    before = device.dump()
    server.hang_up_on = commit

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "unknown"}), reason(events)
    assert "goes back by itself 120 s after it was made unless it was confirmed" in reason(events)
    assert events[-1]["containment"] == {"web": "unverified"}
    assert "edge takes it back by itself by " in devices.bench.stopgap("status", "--offline")[1]

    server.hang_up_on = None
    wait_until(lambda: device.dump() == before)
    assert devices.undo() == 0


def test_a_second_login_that_fails_is_told_by_status_too(devices: DeviceBench, vendor: str) -> None:
    device = VENDORS[vendor]()
    server = devices.serve(device, driver=vendor)
    server.lock_out_on = LINES[vendor]

    assert devices.block("--yes")[0] == 1

    assert "edge takes it back by itself by " in devices.bench.stopgap("status", "--offline")[1]


def test_nothing_that_was_seen_makes_no_part_of_a_cut(devices: DeviceBench) -> None:
    device = Vyos()
    device.config = [line.replace("prerouting raw", "forward filter") for line in device.config]
    devices.serve(device, driver="vyos")
    device.refuse = "set firewall group network-group STOPGAP network"

    status, events = devices.block("--yes")

    assert (status, outcomes(events)) == (1, {"block": "failed"})
    assert events[-1]["containment"] == {"web": "unverified"}

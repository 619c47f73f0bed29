"""What is read of a router that speaks BGP, and what is made of it."""

from __future__ import annotations

import json
from datetime import timedelta
from ipaddress import ip_network

import pytest

from stopgap.orchestrator.facts import Output, ProgramFact, Scheduled, UnreadableError
from stopgap.orchestrator.hosttext import HostText
from stopgap.tasks.traffic.bgp import VTYSH, Announced
from stopgap.tasks.traffic.bird import BIRDC, Originated, Rule, Session, content, sessions
from stopgap.tasks.traffic.rtbh import parse

BLACKHOLED = ip_network("203.0.113.10/32")


def output(text: str) -> Output:
    return Output(HostText(text.encode()), HostText(b""), status=0)


@pytest.mark.parametrize(
    "argv",
    [
        ("configure terminal",),
        ("show version", "-c", "clear bgp *"),
        ("show version\nconfigure terminal",),
        ("show version", "-f"),
    ],
)
def test_a_probe_lets_a_routing_daemon_show_and_nothing_else(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        VTYSH.asked(*argv)


def test_a_probe_may_have_several_things_shown() -> None:
    assert VTYSH.asked("show version", "-c", "show bgp summary json").argv[:2] == ("vtysh", "-c")
    assert BIRDC.asked("show", "protocols").argv == ("birdc", "-r", "show", "protocols")


@pytest.mark.parametrize(
    ("printed", "due", "left"),
    [("none", None, 0), ("1000 400", 1000, 600), ("1000 1004", 1000, 0)],
)
def test_a_scheduled_undo_has_so_long_left(printed: str, due: int | None, left: int) -> None:
    fact = Scheduled("stopgap-web").parse(output(printed))
    assert (fact.due, fact.left) == (due, timedelta(seconds=left))


@pytest.mark.parametrize("printed", ["", "soon", "1 2 3", "1000"])
def test_a_scheduled_undo_without_a_moment_is_not_taken_for_none(printed: str) -> None:
    with pytest.raises(UnreadableError):
        Scheduled("stopgap-web").parse(output(printed))


def test_networks_of_a_vrf_and_lines_of_nonsense_do_not_count() -> None:
    running = parse(
        "router bgp 64999 vrf red\n no bgp network import-check\n  network 10.0.0.0/8\n"
        "router bgp 64501\n  network 203.0.113.10/32 route-map stopgap_web\n  network nonsense\n"
        "  network 2001:db8::/32\n"
    )
    assert (running.asn, running.import_check) == (64501, True)
    assert running.networks == {BLACKHOLED: "route-map stopgap_web", ip_network("2001:db8::/32"): ""}
    assert running.announced("stopgap_web") == (BLACKHOLED,)


def route(community: list[str], peers: list[str]) -> ProgramFact:
    paths = [{"community": {"list": community}}] if community else [{}]
    told = {"paths": paths, "advertisedTo": {peer: {} for peer in peers}}
    return ProgramFact(status=0, stdout=json.dumps(told))


@pytest.mark.parametrize(
    ("fact", "holds"),
    [
        (route(["blackhole"], ["192.0.2.1"]), True),
        (route(["blackhole"], []), False),
        (route(["noExport"], ["192.0.2.1"]), False),
        (ProgramFact(status=0, stdout="{}"), False),
        (ProgramFact(status=0, stdout="[]"), None),
        (ProgramFact(status=1, stdout="% Unknown command"), None),
    ],
)
def test_an_announcement_counts_once_it_was_sent_with_its_community(fact: ProgramFact, holds: bool | None) -> None:
    assert Announced(vantage="upstream", network=BLACKHOLED).judge(fact).holds is holds


PROTOCOLS = """BIRD 2.0.12 ready.
Access restricted
Name       Proto      Table      State  Since         Info
device1    Device     ---        up     02:16:16.946

isp        BGP        ---        up     02:16:17.871  Established
  BGP state:          Established
  Channel ipv4
    State:          UP
    Table:          master4
  Channel flow4
    State:          UP
    Table:          flowtab4
  Channel flow6
    State:          DOWN
    Table:          flowtab6

away       BGP        ---        start  02:16:17.871  Active        Socket: Connection refused
  BGP state:          Active
  Channel flow4
    State:          DOWN
    Table:          flowtab4

mine       Static     ---        up     02:16:17.871
  Channel flow6
    State:          UP
    Table:          flowtab6
"""


def test_only_sessions_that_stand_and_carry_flowspec_take_rules() -> None:
    assert sessions(PROTOCOLS) == (Session("isp", 4, "flowtab4"),)


def test_a_rule_says_what_it_matches_and_discards_unless_it_accepts() -> None:
    operator = ip_network("10.9.0.2/32")
    text = content(
        "web",
        (Rule(BLACKHOLED, operator, accept=True), Rule(source=BLACKHOLED)),
        {4: ("flowtab4",), 6: ("flowtab6",)},
    )
    assert text == (
        "protocol static stopgap_web_flowtab4 {\n"
        "\tflow4 { table flowtab4; };\n"
        "\troute flow4 { dst 203.0.113.10/32; src 10.9.0.2/32; };\n"
        "\troute flow4 { src 203.0.113.10/32; } { bgp_ext_community.add((generic, 0x80060000, 0x0)); };\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("exported", "holds"),
    [
        ("flow4 { dst 203.0.113.10/32; }  [x] * (200)\nflow4 { src 203.0.113.10/32; }  [x] * (200)\n", True),
        ("flow4 { dst 203.0.113.10/32; }  [x] * (200)\n", False),
        ("flow4 { dst 203.0.113.10/32; src 203.0.113.10/32; }  [x] * (200)\n", False),
        ("BIRD 2.0.12 ready.\n", False),
    ],
)
def test_rules_count_once_the_session_exports_each_of_them(exported: str, holds: bool) -> None:
    check = Originated(
        vantage="upstream",
        protocol="isp",
        version=4,
        table="flowtab4",
        rules=(Rule(destination=BLACKHOLED), Rule(source=BLACKHOLED)),
    )
    assert check.judge(ProgramFact(status=0, stdout=exported)).holds is holds
    assert check.judge(ProgramFact(status=1)).holds is None

"""The bridges of Open vSwitch, by the output of Open vSwitch 3.1."""

from __future__ import annotations

import pytest

from stopgap.orchestrator.facts import Output, Switches, SwitchFact, SwitchPortFact, UnreadableError
from stopgap.orchestrator.hosttext import HostText

OWN = "cookie=0x537447704b5e57f6, hard_timeout=60, priority=65020,in_port=1 actions=drop"
TEXT = f"""\
interface tap0  ""
interface vmbr0 internal
interface mgmt  internal
bridge br1 netdev 1
 LOCAL(br1): addr:72:c6:e4:de:de:4d
     config:     PORT_DOWN
learnt  port  VLAN  MAC                Age
other priority=100,in_port=3 actions=resubmit(,10)
bridge vmbr0 system 0
floods
 1(tap0): addr:72:ae:61:73:34:e8
     config:     NO_FLOOD
     state:      0
 2(mgmt): addr:2e:0a:17:29:40:84
     config:     0
 LOCAL(vmbr0): addr:7e:48:b4:5f:09:4c
     config:     PORT_DOWN
learnt  port  VLAN  MAC                Age
learnt     1     0  52:54:00:00:00:10    2
learnt LOCAL     7  7e:48:b4:5f:09:4c    2
own {OWN}
"""


def read(text: str, status: int = 0) -> tuple[SwitchFact, ...]:
    return Switches("0x537447704b5e57f6").parse(Output(HostText(text.encode()), HostText(b""), status))


def test_each_bridge_tells_its_ports_its_table_and_whose_flows_it_has() -> None:
    controlled, plain = read(TEXT)
    assert (controlled.bridge, controlled.userspace, controlled.controllers) == ("br1", True, 1)
    assert controlled.other == "priority=100,in_port=3 actions=resubmit(,10)"
    assert not controlled.plain
    assert controlled.ports == (SwitchPortFact(device="br1", number=65534, internal=True),)
    assert plain == SwitchFact(
        bridge="vmbr0",
        ports=(
            SwitchPortFact(device="tap0", number=1, floods=False),
            SwitchPortFact(device="mgmt", number=2, internal=True, floods=True),
            SwitchPortFact(device="vmbr0", number=65534, internal=True, floods=True),
        ),
        learnt=(("52:54:00:00:00:10", "tap0"), ("7e:48:b4:5f:09:4c", "vmbr0")),
        flows=(OWN,),
    )
    assert plain.plain


def test_a_host_without_open_vswitch_has_no_bridge_of_it() -> None:
    assert read("") == ()


@pytest.mark.parametrize("text", ["bridge \n", "bridge"])
def test_a_bridge_without_a_name_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableError, match="no list of bridges"):
        read(text)

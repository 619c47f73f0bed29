"""Which device of a host is a bridge, what is plugged into it, and whether what it hands on meets the IP rules."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from stopgap.orchestrator.facts import Links, LinksFact, Output, UnreadableError
from stopgap.orchestrator.hosttext import HostText

SET_UP = """
ip link add port type veth peer name far
ip link add vmbr0 type bridge
ip link set port master vmbr0
for f in iptables ip6tables; do echo 0 >/proc/sys/net/bridge/bridge-nf-call-$f; done
echo 1 >/proc/sys/net/ipv4/conf/far/forwarding
"""


def printed(text: str, status: int | None = 0) -> Output:
    return Output(HostText(text.encode()), HostText(b""), status)


def read(more: str) -> LinksFact:
    words = ["unshare", "-n", "sh", "-c", f"{SET_UP}{more}\n{Links().script()}"]
    return Links().parse(printed(subprocess.run(words, capture_output=True, text=True, check=True).stdout))


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, for a network namespace of its own"
)
@pytest.mark.parametrize(
    ("more", "filters"),
    [
        ("", (False, False)),
        ("echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables", (True, False)),
        ("ip link set vmbr0 type bridge nf_call_ip6tables 1", (False, True)),
    ],
)
def test_a_bridge_tells_its_ports_and_what_it_shows_to_the_rules(more: str, filters: tuple[bool, bool]) -> None:
    fact = read(more)
    bridge = fact.of("vmbr0")
    assert bridge is not None
    assert (bridge.kind, fact.ports("vmbr0")) == ("bridge", ("port",))
    assert (bridge.filters4, bridge.filters6) == filters
    assert (fact.forwards4, fact.forwards6) == (True, False), "one device that routes is enough"
    assert bridge.link_address.count(":") == 5


def test_without_json_sysfs_tells_bridges_and_ports() -> None:
    bridge = "link vmbr0 02:00:00:00:00:01 0x1003 1 bridge virtual tap0\n"
    fact = Links().parse(printed(f"0 0 1 - \n{bridge}link tap0 02:00:00:00:00:02 0x1003 1 tun virtual\n"))
    found = fact.of("vmbr0")
    assert found is not None
    assert (found.kind, fact.ports("vmbr0"), found.link_address) == ("bridge", ("tap0",), "02:00:00:00:00:01")


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, for a network namespace of its own"
)
def test_an_ip_without_json_gives_the_same_bridges_and_ports() -> None:
    without = 'ip() { [ "$1" != -j ] && command ip "$@"; }\n'
    own_sysfs = "mount -t sysfs none /sys\n"
    words = ["unshare", "-n", "-m", "sh", "-c", f"{own_sysfs}{SET_UP}{without}{Links().script()}"]
    plain = Links().parse(printed(subprocess.run(words, capture_output=True, text=True, check=True).stdout))
    fact = read("")
    assert {link.device: (link.kind, link.bridge) for link in plain.links} == {
        link.device: (link.kind, link.bridge) for link in fact.links
    }


@pytest.mark.parametrize(
    "text", ["1 0 1 0 \n" + "[" * 100_000, "1 0 1 0 \n[7]", "1 0 1 0 \n2: eth0: <UP> mtu 1500\n"]
)
def test_what_is_no_list_of_devices_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableError):
        Links().parse(printed(text))


def test_half_an_answer_is_unreadable() -> None:
    with pytest.raises(UnreadableError):
        Links().parse(printed("1 0 1 0 \n[", None))


def test_a_bridge_of_the_userspace_datapath_is_no_mere_tunnel() -> None:
    tun = '{"ifname":"%s","linkinfo":{"info_kind":"tun","info_data":{"type":"%s","vnet_hdr":%s,"persist":%s}}}'
    devices = [
        tun % ("ovs-netdev", "tap", "false", "true"),
        tun % ("vmbr0", "tap", "false", "true"),
        tun % ("vnet0", "tap", "true", "false"),
        tun % ("tun0", "tun", "false", "true"),
    ]
    fact = Links().parse(printed(f"- - 0 0 \n[{','.join(devices)}]"))
    assert {link.device: link.kind for link in fact.links} == {
        "ovs-netdev": "openvswitch", "vmbr0": "openvswitch", "vnet0": "tun", "tun0": "tun",
    }  # fmt: skip
    without = Links().parse(printed(f"- - 0 0 \n[{','.join(devices[1:])}]"))
    assert [link.kind for link in without.links] == ["tun", "tun", "tun"]


@pytest.mark.parametrize("key", ["address", "mac"])
def test_a_card_tells_its_virtual_functions(key: str) -> None:
    functions = f'[{{"vf":3,"{key}":"52:54:00:AA:00:12","spoofchk":true,"link_state":"auto"}},{{"vf":4}}]'
    fact = Links().parse(printed(f'- - 0 0 \n[{{"ifname":"eno1","vfinfo_list":{functions}}}]'))
    card = fact.of("eno1")
    assert card is not None
    assert [(f.number, f.link_address, f.state) for f in card.functions] == [
        (3, "52:54:00:aa:00:12", "auto"), (4, "", ""),
    ]  # fmt: skip

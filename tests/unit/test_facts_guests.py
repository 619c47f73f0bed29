"""Which port of a hypervisor is which guest's, by the output of each tool."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from stopgap.orchestrator.facts import (
    Forwarding,
    ForwardingFact,
    GuestDisks,
    GuestPortFact,
    Guests,
    Output,
    UnreadableError,
)
from stopgap.orchestrator.hosttext import HostText

UUID = "5b2c41a3-87f0-4f3c-9a59-0c3a5a3f1f11"
VIRSH = f"""\
{UUID}web server
 vnet0      network    default       virtio   52:54:00:00:00:01
 vnet3      bridge     br77          -        52:54:00:00:00:02
 -          hostdev    -             -        52:54:00:00:00:03
 macvtap0   direct     eno1          e1000    52:54:00:00:00:04

"""
PVE = """\
name: shop
net0: virtio=BC:24:11:2E:C5:01,bridge=vmbr0,firewall=1,tag=10
net1: e1000=BC:24:11:2E:C5:02,bridge=vmbr1,link_down=1
ipconfig0: ip=203.0.113.10/24,gw=203.0.113.1,ip6=auto
"""
PCT = "hostname: db\nnet0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:9D:00:07,ip=dhcp,ip6=2001:db8:113::7/64,type=veth\n"
INCUS = """[{"name": "c1", "project": "default", "type": "container",
 "expanded_devices": {"eth0": {"type": "nic", "name": "eth0", "network": "incusbr0", "ipv4.address": "10.20.0.5"},
                      "root": {"type": "disk", "path": "/"}},
 "state": {"network": {"eth0": {"hwaddr": "00:16:3e:11:22:33", "host_name": "veth93c5b0d1", "addresses": []},
                       "lo": {"hwaddr": "", "host_name": "", "addresses": []}}}},
 {"name": "off", "project": "default", "state": {"network": null}}]"""
DOCKER = """\
container 8d3b7c0e5f6a11223344 /shop 172.17.0.2
port veth7a1c2d3 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0
container 99aa7c0e5f6a11223344 /two 172.18.0.2 2001:db8:18::2
port vethaaaaaaa 02:42:ac:12:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0
port vethbbbbbbb 02:42:ac:13:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0
"""
XL = """\
domain 3 web
Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref BE-path
0   0  00:16:3e:5e:6c:11     0     4     -1    -1/-1          /local/domain/0/backend/vif/3/0
"""
OVS = """{"data":[["br0",["map",[]]],["vnet0",["map",[["attached-mac","52:54:00:00:00:01"],
 ["iface-id","1c0e0a0a-0000-4000-8000-000000000001"],["iface-status","active"],
 ["vm-id","5b2c41a3-87f0-4f3c-9a59-0c3a5a3f1f11"]]]]],"headings":["name","external_ids"]}"""


def parsed(*sections: str) -> tuple[GuestPortFact, ...]:
    text = "".join(f"\036{section}" for section in sections)
    return Guests().parse(Output(HostText(text.encode()), HostText(b""), 0))


def shown(*sections: str) -> list[tuple[str, str, str]]:
    return [(port.guest, port.device, port.link_address) for port in parsed(*sections)]


@pytest.mark.parametrize(
    ("section", "ports"),
    [
        (
            f"virsh\n{VIRSH}",
            [
                ("web server", "vnet0", "52:54:00:00:00:01"),
                ("web server", "vnet3", "52:54:00:00:00:02"),
                ("web server", "", "52:54:00:00:00:03"),
                ("web server", "macvtap0", "52:54:00:00:00:04"),
            ],
        ),
        (
            f"pve qemu-server/100.conf\n{PVE}",
            [("shop", "tap100i0", "bc:24:11:2e:c5:01"), ("shop", "tap100i1", "bc:24:11:2e:c5:02")],
        ),
        (f"pve lxc/101.conf\n{PCT}", [("db", "veth101i0", "bc:24:11:9d:00:07")]),
        (f"incus\n{INCUS}", [("c1", "veth93c5b0d1", "00:16:3e:11:22:33")]),
        (
            f"docker\n{DOCKER}",
            [
                ("shop", "veth7a1c2d3", "02:42:ac:11:00:02"),
                ("two", "vethaaaaaaa", "02:42:ac:12:00:02"),
                ("two", "vethbbbbbbb", "02:42:ac:13:00:02"),
            ],
        ),
        (f"xl\n{XL}", [("web", "vif3.0", "00:16:3e:5e:6c:11")]),
        (f"ovs\n{OVS}", [(UUID, "vnet0", "52:54:00:00:00:01")]),
        ("virsh\n", []),
        (
            f'virsh\n{UUID}odd\n a"}};x   bridge   br77   virtio   52:54:00:00:00:01\n',
            [("odd", "", "52:54:00:00:00:01")],
        ),
        (
            f"virsh\n{UUID}guest-10\n vnet0   bridge   vmbr0   virtio   52:54:00:00:00:10\n"
            "a1178557-7aa5-4749-932d-9e4eefddf712\nguest-30\n vnet1   bridge   vmbr0   virtio   52:54:00:00:00:30\n",
            [("guest-10", "vnet0", "52:54:00:00:00:10"), ("guest-30", "vnet1", "52:54:00:00:00:30")],
        ),
    ],
    ids=lambda value: value.partition("\n")[0] if isinstance(value, str) else "",
)
def test_a_tools_output_tells_the_ports_of_its_guests(section: str, ports: list[tuple[str, str, str]]) -> None:
    assert shown(section) == ports


def test_a_guest_is_known_by_its_number_its_uuid_and_its_addresses() -> None:
    machine, container = (
        parsed(f"virsh\n{VIRSH}", f"pve qemu-server/100.conf\n{PVE}")[0],
        parsed(f"docker\n{DOCKER}")[1],
    )
    assert machine.names == ("web server", UUID)
    assert container.names == ("two", "99aa7c0e5f6a11223344", "99aa7c0e5f6a")
    assert container.addresses == (ip_address("172.18.0.2"), ip_address("2001:db8:18::2"))
    (first, _) = parsed(f"pve qemu-server/100.conf\n{PVE}")
    assert (first.names, first.addresses) == (("shop", "100"), (ip_address("203.0.113.10"),))


def test_a_link_is_down_only_where_it_is_down_at_the_next_start_too() -> None:
    def xml(*states: str) -> str:
        cards = "".join(f"      <mac address='52:54:00:00:00:0{n}'/>\n{state}" for n, state in enumerate(states, 1))
        return f"  <uuid>{UUID}</uuid>\n{cards}"

    down, up = "      <link state='down'/>\n", "      <link state='up'/>\n"
    links = f"virsh-links\n{xml(down, down, '')}{xml(down, up, '')}"
    assert [port.shut for port in parsed(f"virsh\n{VIRSH}", links)] == [True, False, False, False]
    shop = parsed(f"pve qemu-server/100.conf\n{PVE}")
    assert [port.shut for port in shop] == [False, True]


@pytest.mark.parametrize(
    "section",
    [
        "virsh\n vnet0 bridge vmbr0 virtio 52:54:00:00:00:10",
        'incus\n{"a": 1}',
        "incus\nError: not running",
        "ovs\n[1]",
        "other\nx",
        "pve lxc/a.conf\nx",
    ],
)
def test_what_is_no_list_of_guests_is_unreadable(section: str) -> None:
    with pytest.raises(UnreadableError, match="something else than its guests"):
        parsed(section)


def test_a_bridges_own_addresses_are_no_guests() -> None:
    text = """[{"mac":"52:54:00:00:00:10","ifname":"tap0","flags":[],"master":"vmbr0","state":""},
    {"mac":"fe:54:00:00:00:10","ifname":"tap0","flags":[],"master":"vmbr0","state":"permanent"},
    {"mac":"33:33:00:00:00:01","ifname":"tap0","flags":["self"],"state":"permanent"}]"""
    assert Forwarding().parse(Output(HostText(text.encode()), HostText(b""), 0)) == (
        ForwardingFact(link_address="52:54:00:00:00:10", device="tap0", bridge="vmbr0"),
    )


def test_disks_are_told_guest_by_guest_as_virsh_prints_them() -> None:
    other = UUID.replace("5", "6")
    printed = (
        f"{UUID} file   disk   vda   /var/lib/libvirt/images/web server.qcow2\n block  disk   vdb   /dev/vg/web\n"
        f" file   cdrom  sda   -\n\n{other} file   disk   vda   /vm/db.raw\nnonsense\n"
    )
    disks = GuestDisks().parse(Output(HostText(printed.encode()), HostText(b""), 0))
    assert [(d.guest, d.target, d.source, d.kind, d.device) for d in disks] == [
        (UUID, "vda", "/var/lib/libvirt/images/web server.qcow2", "file", "disk"),
        (UUID, "vdb", "/dev/vg/web", "block", "disk"),
        (UUID, "sda", "", "file", "cdrom"),
        (other, "vda", "/vm/db.raw", "file", "disk"),
    ]
    with pytest.raises(UnreadableError, match="in time"):
        GuestDisks().parse(Output(HostText(printed.encode()), HostText(b""), None))

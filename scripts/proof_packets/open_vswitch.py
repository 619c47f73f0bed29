"""Open vSwitch on the lab's router, in place of its bridge."""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
from array import array

from lab_hosts import namespaces
from lab_hosts.topology import BY_NAME
from lab_hosts.unpacked import OPENVSWITCH, unpacked

from proof_packets.inside import inside, on

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
"""Numbers of linux/sockios.h and linux/ethtool.h."""
PORTS = ("web0", "nb0")
_SWITCH = """
set -e
ip -o addr show dev br0 scope global | while read -r n d f a rest; do echo "addr add $a dev br0"; done >/run/br0
sysctl -a 2>/dev/null | grep '^net.ipv[46].[a-z]*.br0.proxy_' >/run/br0.sysctl
ip neigh show proxy | sed -n 's/ dev br0.*proxy/ dev br0/p' | sed 's/^/neigh add proxy /' >>/run/br0
ip link del br0
mkdir -p /run/openvswitch /var/log/openvswitch /var/lib/openvswitch
rm -f /var/lib/openvswitch/conf.db
ovsdb-tool create /var/lib/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /var/lib/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock --detach --pidfile --log-file
ovs-vsctl --no-wait init
/usr/lib/openvswitch-switch/ovs-vswitchd --detach --pidfile --log-file
ovs-vsctl add-br br0 -- set Bridge br0 datapath_type=netdev other_config:hwaddr=02:00:5e:00:00:01
ovs-vsctl add-port br0 web0 -- add-port br0 nb0
ip link set br0 up
ip -force -batch /run/br0
sysctl -q -p /run/br0.sysctl
"""


def install() -> None:
    """Put the programs into the router's file system."""
    root = unpacked("openvswitch", OPENVSWITCH)
    packed = subprocess.run(["tar", "-C", root, "-c", "usr"], capture_output=True, check=True).stdout
    subprocess.run([*inside("edge"), "tar", "-C", "/", "--keep-directory-symlink", "-x"], input=packed, check=True)
    on("edge", "ldconfig")


def switch() -> None:
    """Replace the router's bridge by one of Open vSwitch's userspace datapath.

    The bridge has an address of its own: with that of a port, the kernel would take the port's frames, too.
    """
    on("edge", _SWITCH)
    for name in ("web", "neighbour"):
        with namespaces.entered(BY_NAME[name]):
            subprocess.run(["ip", "neigh", "flush", "all"], check=True)
        with namespaces.entered(BY_NAME[name]), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
            finish_checksums(here, "eth0")


def finish_checksums(here: socket.socket, device: str) -> None:
    """Have a veth device sum its packets itself: the userspace datapath hands on what it reads."""
    command = array("I", [ETHTOOL_STXCSUM, 0])
    fcntl.ioctl(here, SIOCETHTOOL, struct.pack("16sP", device.encode(), command.buffer_info()[0]))

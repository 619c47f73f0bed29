"""A container host on the lab's router: podman, whose containers' networks the hosts of the segment are moved to.

The router's bridge is replaced by podman's own (netavark, rootful). Host `web` is then a container by its network
alone: programs of its own file system answer there.
"""

from __future__ import annotations

import subprocess

from lab_hosts import machine
from lab_hosts.state import NAMESPACES
from lab_hosts.topology import BY_NAME
from lab_hosts.unpacked import PODMAN, unpacked

from proof_packets.inside import inside, on

PORT = "veth0"
"""Name of the port of `web`, the first that netavark makes."""
MOVED = ("web", "neighbour")
_HOST = r"""
set -e
ip -o addr show dev br0 scope global | while read -r n d f a rest; do echo "addr replace $a dev br0"; done >/run/br0
sysctl -a 2>/dev/null | grep '^net.ipv[46].[a-z]*.br0.proxy_' >/run/br0.sysctl
ip neigh show proxy | sed -n 's/ dev br0.*proxy/ dev br0/p' | sed 's/^/neigh add proxy /' >>/run/br0
ip link del br0
ip link set web0 down
ip link set nb0 down
mkdir -p /etc/containers
cat >/etc/containers/containers.conf <<END
[containers]
keyring = false
[network]
network_backend = "netavark"
[engine]
runtime = "crun"
events_logger = "file"
cgroup_manager = "cgroupfs"
END
cat >/etc/containers/storage.conf <<END
[storage]
driver = "vfs"
runroot = "/run/containers/storage"
graphroot = "/run/containers/graph"
END
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
mkdir -p /etc/containers/networks
cat >/etc/containers/networks/guests.json <<END
{"name": "guests", "id": "$(printf %064d 1)", "driver": "bridge", "network_interface": "br0",
"created": "2026-01-01T00:00:00Z", "ipv6_enabled": true, "internal": false, "dns_enabled": false,
"subnets": [{"subnet": "203.0.113.0/24", "gateway": "203.0.113.1"},
{"subnet": "2001:db8:113::/64", "gateway": "2001:db8:113::1"}], "ipam_options": {"driver": "host-local"}}
END
for n in 10 30; do
    root=/run/guests/$n name=web
    [ $n = 10 ] || name=neighbour
    mkdir -p $root/usr $root/proc $root/sys $root/dev $root/etc $root/run $root/tmp
    for d in bin sbin lib lib64; do ln -sfn usr/$d $root/$d; done
    podman run -d --name $name --cgroups disabled -v /usr:/usr:ro --rootfs \
        --network guests:ip=203.0.113.$n,ip6=2001:db8:113::$n,mac=52:54:00:00:00:$n $root sleep infinity >/dev/null
done
ip -force -batch /run/br0
sysctl -q -p /run/br0.sysctl
"""
_SERVERS = """
for d in all default eth0; do echo 0 >/proc/sys/net/ipv6/conf/$d/accept_dad; done
mkdir -p /run/sshd /run/guest
/usr/sbin/sshd -o PidFile=/run/guest/sshd
. /etc/apache2/envvars
APACHE_PID_FILE=/run/guest/apache2 APACHE_RUN_DIR=/run/guest APACHE_LOCK_DIR=/run/guest apache2 -k start
"""
_END = "for f in /run/guest/sshd /run/guest/apache2; do [ ! -e $f ] || kill $(cat $f); done; rm -rf /run/guest"


def install() -> None:
    """Put the programs into the router's file system."""
    root = unpacked("podman", PODMAN)
    packed = subprocess.run(["tar", "-C", root, "-c", "usr"], capture_output=True, check=True).stdout
    words = [*inside("edge"), "tar", "-C", "/", "--keep-directory-symlink", "-x"]
    subprocess.run(words, input=packed, check=True)
    on("edge", "ldconfig")


def remove() -> None:
    """Take away what tells that the router is a container host."""
    on("edge", "rm -rf /usr/bin/podman /etc/containers")


def move_in() -> None:
    """Make the containers, and have the lab's hosts live in their networks."""
    on("edge", _HOST)
    edge = machine.init(BY_NAME["edge"])
    for name in MOVED:
        network = on("edge", f"podman inspect -f '{{{{.NetworkSettings.SandboxKey}}}}' {name}").strip()
        source = f"/proc/{edge}/root{network}"
        subprocess.run(["mount", "--bind", source, NAMESPACES / BY_NAME[name].namespace], check=True)
    subprocess.run(
        ["nsenter", f"--net={NAMESPACES / BY_NAME['web'].namespace}", f"--target={machine.init(BY_NAME['web'])}",
         "--mount", "--uts", "--ipc", "--pid", "--root", "--wd", "--", "sh", "-c", _SERVERS],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def move_out() -> None:
    """Give the lab's hosts their own networks back; their wires come back with a reboot of the router."""
    on("web", _END)
    for name in MOVED:
        subprocess.run(["umount", NAMESPACES / BY_NAME[name].namespace], check=True)

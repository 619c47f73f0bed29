"""Open vSwitch with its userspace datapath, in a network namespace of a test."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_hosts.unpacked import OPENVSWITCH, unpacked
from proof_packets.open_vswitch import finish_checksums

from .netns import Namespace

_START = """\
set -e
ovsdb-tool create $OVS_DBDIR/conf.db $OVS_PKGDATADIR/vswitch.ovsschema
ovsdb-server $OVS_DBDIR/conf.db --remote=punix:$OVS_RUNDIR/db.sock --detach --pidfile
ovs-vsctl --no-wait init
ovs-vswitchd unix:$OVS_RUNDIR/db.sock --detach --pidfile
ovs-vsctl add-br {bridge} -- set Bridge {bridge} datapath_type=netdev
"""


class SwitchedNamespace(Namespace):
    """A namespace whose scripts and readers have the programs of Open vSwitch, and a switch of their own."""

    environment: tuple[str, ...] = ()

    def words(self, *argv: str) -> list[str]:
        return super().words("env", *self.environment, *argv)


@contextmanager
def switching(machine: SwitchedNamespace, bridge: str) -> Iterator[None]:
    """Run Open vSwitch in the namespace, with one bridge."""
    root = unpacked("openvswitch", OPENVSWITCH)
    with tempfile.TemporaryDirectory(prefix="ovs-") as folder:
        programs = (root / "usr/bin", root / "usr/sbin", root / "usr/lib/openvswitch-switch")
        libraries = next((root / "usr/lib").glob("*-linux-gnu*"))
        machine.environment = (
            *(f"OVS_{name}DIR={folder}" for name in ("RUN", "LOG", "DB", "SYSCONF")),
            f"OVS_PKGDATADIR={root / 'usr/share/openvswitch'}",
            f"LD_LIBRARY_PATH={libraries}",
            f"PATH={':'.join(map(str, programs))}:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        try:
            machine.sh(_START.format(bridge=bridge))
            yield
        finally:
            for each in Path(folder).glob("*.pid"):
                os.kill(int(each.read_text()), signal.SIGKILL)


def whole_checksums(of: Namespace, device: str) -> None:
    """Have a veth device of the namespace sum its packets itself."""
    with of.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        finish_checksums(here, device)

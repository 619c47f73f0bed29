"""The script that shuts a guest's interface, with stand-ins of ip(8) and qm(1) that do what their manuals say."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stopgap.tasks.traffic.shell import run

IP = """#!/bin/sh
case "$1 $2" in
    "link show") echo "    vf 3     link/ether 52:54:00:00:00:12, link-state $(cat STATE), trust off" ;;
    "link set") echo "$8" >STATE ;;
esac
"""
QM = """#!/bin/sh
[ "$5 $6" = "--digest $(sha1sum <CONF | cut -d ' ' -f 1)" ] || exit 2
sed -i "0,/^${3#--}:/s/^${3#--}:.*/${3#--}: $4/" CONF
"""
CONF = """\
name: shop
net0: virtio=BC:24:11:2E:C5:01,bridge=vmbr0,firewall=1,tag=10{more}

[snap]
net0: virtio=BC:24:11:2E:C5:01,bridge=vmbr9
"""


class Machine:
    """A folder with programs, and the files that they keep."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("ip", IP), ("qm", QM)):
            program = folder / name
            program.write_text(text.replace("STATE", str(folder / "state")).replace("CONF", str(self.conf)))
            program.chmod(0o755)

    @property
    def conf(self) -> Path:
        return self.folder / "100.conf"

    def play(self, what: str, *words: str, before: str = "", status: int = 0) -> str:
        text = run("shut", what, "stopgap-web.links", *words, before=before).stdin or ""
        for path, here in (("/run/stopgap", "."), ("/etc/pve/qemu-server", "."), ("/sys/class/net", ".")):
            text = text.replace(path, str(self.folder / here))
        done = subprocess.run(
            ["sh", "-s", "--", what, "stopgap-web.links", *words],
            input=text, capture_output=True, text=True, check=False,
            env={"PATH": f"{self.folder}:{os.environ['PATH']}"},
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stdout.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    (tmp_path / "eno1").mkdir()
    return made


@pytest.mark.parametrize("before", ["auto", "enable"])
def test_a_virtual_function_gets_its_state_back_after_a_renewal_too(machine: Machine, before: str) -> None:
    state = machine.folder / "state"
    state.write_text(f"{before}\n")
    which = ("function", "eno1", "3")
    for _ in range(2):
        machine.play("shut", *which)
        assert machine.play("show", *which) == "disable"
    machine.play("lift", *which)
    assert state.read_text() == f"{before}\n"
    assert not list(machine.folder.glob("*.before"))
    machine.play("lift", *which, before=before)
    assert state.read_text() == f"{before}\n"


def test_a_function_that_is_not_there_is_said(machine: Machine) -> None:
    (machine.folder / "state").write_text("auto\n")
    machine.play("shut", "function", "eno1", "4", status=1)


@pytest.mark.parametrize("more", ["", ",link_down=0"])
def test_every_option_of_a_machine_of_proxmox_stays_but_its_link(machine: Machine, more: str) -> None:
    machine.conf.write_text(CONF.format(more=more))
    which = ("pve", "100", "net0")
    machine.play("shut", *which)
    machine.play("shut", *which)
    assert machine.conf.read_text() == CONF.format(more=",link_down=1")
    machine.play("lift", *which)
    assert machine.conf.read_text() == CONF.format(more=more)


def test_an_option_that_somebody_changed_meanwhile_stays(machine: Machine) -> None:
    machine.conf.write_text(CONF.format(more=""))
    machine.play("shut", "pve", "100", "net0")
    machine.conf.write_text(machine.conf.read_text().replace("tag=10", "tag=20"))
    machine.play("lift", "pve", "100", "net0")
    assert machine.conf.read_text() == CONF.format(more="").replace("tag=10", "tag=20")


def test_a_link_that_somebody_has_put_up_already_is_left(machine: Machine) -> None:
    machine.conf.write_text(CONF.format(more=""))
    machine.play("lift", "pve", "100", "net0", before="virtio=BC:24:11:2E:C5:01,bridge=vmbr7")
    assert machine.conf.read_text() == CONF.format(more="")

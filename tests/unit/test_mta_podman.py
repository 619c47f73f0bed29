"""A mail server in a real container of podman, with a published port: stopped where it runs, and back as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import forkserver
from tests.unit.namespace import Namespace, namespace
from tests.unpacked import Unpacked, needs_debian, unpacked

pytestmark = needs_debian
PACKAGES = (
    *("podman", "conmon", "crun", "netavark", "golang-github-containers-common", "iptables"),
    *("libsubid4", "libgpgme11", "libassuan0", "libyajl2", "libip4tc2", "libip6tc2", "libxtables12", "libnftnl11"),
    *("libmnl0", "libnfnetlink0", "libnetfilter-conntrack3"),
)
RUNBOOK = {
    "name": "Stop the mail server",
    "params": {"way": {"type": "string", "default": "stop", "description": "How containers are stopped"}},
    "steps": [{"id": "mail", "task": "mta.stop", "with": {"containers": "{{ params.way }}"}}],
}
CONTAINERS = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
conmon_path = ["{root}/usr/bin/conmon"]
helper_binaries_dir = ["{root}/usr/lib/podman"]
[engine.runtimes]
crun = ["/run/bin/crun"]
[network]
network_backend = "netavark"
network_config_dir = "/run/nets"
"""
STORAGE = '[storage]\ndriver = "vfs"\nrunroot = "/run/pr"\ngraphroot = "/run/pg"\n'
# Of this kernel's version 2 alone, since crun refuses two versions side by side.
SETTING = """
umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /run/bin /run/home /run/rootfs/bin
for each in proc sys dev etc tmp run; do mkdir -p /run/rootfs/$each; done
for name in iptables ip6tables; do ln -s %ROOT%/usr/sbin/xtables-nft-multi /run/bin/$name; done
printf '#!/bin/sh\\nLD_LIBRARY_PATH=%s exec %ROOT%/usr/bin/crun "$@"\\n' "$LD_LIBRARY_PATH" >/run/bin/crun
chmod +x /run/bin/crun
cp "$(readlink -f "$(command -v busybox)")" /run/rootfs/bin/busybox
# Where Stopgap, whose sessions have an environment of their own, finds it.
mount -t tmpfs tmpfs /usr/local/bin
{ echo '#!/bin/sh'; export -p; echo 'exec %ROOT%/usr/bin/podman "$@"'; } >/usr/local/bin/podman
chmod +x /usr/local/bin/podman
"""


SERVER = """/bin/busybox sh -c 'trap "exit 0" TERM; busybox nc -ll -p 25 -e /bin/busybox echo 220 & wait'"""


class Host:
    """A namespace with podman, on which Stopgap itself runs."""

    def __init__(self, place: Namespace, programs: Unpacked, home: Path) -> None:
        self.place, self.home = place, home
        self.env = programs.env | {
            "HOME": "/run/home",
            "XDG_RUNTIME_DIR": "/run/home",
            "CONTAINERS_CONF": "/run/containers.conf",
            "CONTAINERS_STORAGE_CONF": "/run/storage.conf",
            "XTABLES_LIBDIR": next(iter(map(str, (programs.root / "usr/lib").glob("*/xtables")))),
            "STOPGAP_HOME": str(home / "state"),
        }
        self.env["PATH"] = f"/run/bin:/usr/local/bin:{self.env['PATH']}"
        self.sh(SETTING.replace("%ROOT%", str(programs.root)))
        self.write("/run/containers.conf", CONTAINERS.format(root=programs.root))
        self.write("/run/storage.conf", STORAGE)
        (home / "runbook.yaml").write_text(json.dumps(RUNBOOK))
        web = {"address": "127.0.0.1", "addresses": ["203.0.113.1"], "connection": "local"}
        (home / "inventory.yaml").write_text(json.dumps({"hosts": {"web": web}}))

    def write(self, path: str, text: str) -> None:
        subprocess.run(
            ["nsenter", "-t", str(self.place.pid), "-m", "tee", path],
            input=text.encode(),
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def sh(self, script: str) -> str:
        done = self.place.run("sh", "-c", script, env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stopgap(self, *argv: str) -> tuple[int, str]:
        done = self.place.run(str(forkserver.stopgap()), *argv, env=self.env)
        return done.returncode, done.stdout + done.stderr

    def stop_mail(self, *argv: str) -> tuple[int, str]:
        runbook, inventory = str(self.home / "runbook.yaml"), str(self.home / "inventory.yaml")
        return self.stopgap("run", runbook, "-i", inventory, "-t", "web", *argv)

    def container(self) -> dict[str, Any]:
        (found,) = json.loads(self.sh("podman inspect --type container mail"))
        return {"state": found["State"]["Status"], "policy": found["HostConfig"]["RestartPolicy"]["Name"]}

    def port(self) -> bool:
        """Whether port 25 of the host lets somebody in."""
        knock = "import socket; socket.create_connection(('203.0.113.1', 25), 2)"
        return self.place.run(sys.executable, "-c", knock).returncode == 0

    def greets(self) -> bool:
        """Whether whoever comes to port 25 gets a word within two seconds."""
        listen = "s = __import__('socket').create_connection(('203.0.113.1', 25), 2); s.recv(3) or exit(1)"
        return self.place.run(sys.executable, "-c", listen).returncode == 0


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    if not shutil.which("busybox"):
        pytest.skip("a container needs a program: busybox")
    programs = unpacked(*PACKAGES)
    group = f"stopgap-test-{os.getpid()}"
    with namespace() as place:
        it = Host(place, programs, tmp_path)
        # Neither this kernel's limits nor its controllers are what podman asks for by default.
        allowed = f"--cgroup-parent=/{group} --privileged --pids-limit=-1"
        it.sh(f"podman run -d --name mail --restart=always {allowed} -p 25:25 --rootfs /run/rootfs {SERVER}")
        yield it
        it.sh("! test -e /run/bin/podman || mv -f /run/bin/podman /usr/local/bin; podman rm -f -t 0 mail")
    for top in Path("/sys/fs/cgroup").glob(f"**/{group}"):
        for folder, _, _ in os.walk(top, topdown=False):
            Path(folder).rmdir()


def test_the_container_is_stopped_by_its_runtime_and_the_undo_starts_it_again(host: Host) -> None:
    assert host.port()
    status, said = host.stop_mail("--dry-run")
    assert status == 0, said
    assert "with podman container" in said, said
    assert "(mail), and keep it stopped (restart policy always)" in " ".join(said.split())
    assert host.container() == {"state": "running", "policy": "always"}

    status, said = host.stop_mail("--yes")
    assert status == 0, said
    assert host.container()["state"] == "exited"
    assert not host.port()
    assert "unchanged" in host.stop_mail("--dry-run")[1]

    status, said = host.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert host.container() == {"state": "running", "policy": "always"}
    assert host.port()


def test_a_runtime_that_is_not_to_be_trusted_is_not_asked(host: Host) -> None:
    host.sh("mv /usr/local/bin/podman /run/bin")
    host.write("/usr/local/bin/podman", "#!/bin/sh\necho asked >>/run/asked\nexec sleep 600\n")
    host.sh("chmod +x /usr/local/bin/podman")
    status, said = host.stop_mail("--yes", "-p", "way=freeze")
    assert status == 0, said
    assert "is frozen, not stopped" in " ".join(host.stopgap("show", "last")[1].split())
    assert not host.greets()
    status, said = host.stopgap("undo", "last", "--yes")
    assert status == 0, said
    assert host.greets()
    assert host.place.status("test -e /run/asked") == 1


def test_a_runtime_that_keeps_silent_does_not_keep_its_container_from_being_frozen(host: Host) -> None:
    host.sh("mv /usr/local/bin/podman /run/bin")
    host.write("/usr/local/bin/podman", "#!/bin/sh\nexec sleep 600\n")
    host.sh("chmod +x /usr/local/bin/podman")
    status, said = host.stop_mail("--yes")
    assert status == 0, said
    assert not host.greets()

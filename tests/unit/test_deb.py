"""The Debian package, installed, used and purged over a copy of this machine's own system."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THIS = f"{sys.version_info[0]}.{sys.version_info[1]}"
BUILD = """
import sys
from pathlib import Path
from release_build.deb import build_deb
from release_build.wheels import build
to = Path(sys.argv[1])
[wheel] = build(to, "wheel")
(to / "scratch").mkdir()
sys.path.insert(0, sys.argv[2])
from tests.unit.test_deb import from_this_environment
print(build_deb(to, to / "scratch", from_this_environment(wheel), (sys.argv[3],), level=0))
"""
USED = r"""
set -eu
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay none -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc none "$1/root/proc"
mount --rbind /dev "$1/root/dev"
cp "$2" "$1/root/stopgap.deb"
chroot "$1/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -eu -c '
    dpkg --force-depends --force-unsafe-io -i /stopgap.deb >/dev/null
    stopgap --version
    cd /tmp
    printf "hosts: {here: {address: 127.0.0.1, connection: local}}\n" >inventory.yaml
    printf "{name: A test, steps: [{task: evidence.collect, with: {profile: volatile}}]}\n" >runbook.yaml
    stopgap run runbook.yaml -i inventory.yaml -t here --dry-run | grep Plan
    stopgap docs check | head -n 1
    zcat /usr/share/man/man1/stopgap.1.gz | grep -c "stopgap evidence findings"
    bash -c "source /usr/share/bash-completion/completions/stopgap; complete -p stopgap"
    getent passwd stopgap | cut -d: -f1,6,7
    stat -c "%U:%G %a" /etc/stopgap
    ls /etc/systemd/system/*.wants | grep -c stopgap || :
    dpkg-query --showformat "\${Conffiles}" -W stopgap | grep -o "/[^ ]*"
    dpkg -P stopgap >/dev/null 2>&1
    ls -d /usr/lib/stopgap /usr/bin/stopgap /usr/share/doc/stopgap 2>/dev/null || echo purged
'
"""


def from_this_environment(wheel: Path):
    """Install a wheel of Stopgap, and the libraries of the environment that runs this."""
    from release_build.sources import runtime

    def install(site: Path, _: str) -> None:
        site.mkdir(parents=True)
        library = Path(sysconfig.get_path("purelib"))
        for name in runtime():
            for file in distribution(name).files or ():
                source = library / file
                if ".." not in file.parts and "__pycache__" not in file.parts and source.is_file():
                    (site / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, site / file)
        zipfile.ZipFile(wheel).extractall(site)

    return install


def of_the_system() -> str:
    told = ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(told, capture_output=True, text=True, check=False).stdout.strip()


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="builds a package of Debian, which takes dpkg-deb")
@pytest.mark.skipif(of_the_system() != THIS, reason="takes an environment of the system's own version of Python")
def test_it_is_installed_used_and_purged(tmp_path: Path) -> None:
    words = [sys.executable, "-c", BUILD, str(tmp_path), str(ROOT), THIS]
    built = subprocess.run(
        words, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "scripts")}, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    system = tmp_path / "system"
    system.mkdir()
    words = ["unshare", "-m", "sh", "-c", USED, "used", str(system), built.stdout.strip()]
    used = subprocess.run(words, capture_output=True, text=True)
    told = used.stdout.splitlines()
    version, plan, title, named, completes, account, settings, enabled, kept, left = told or [used.stderr] * 10
    assert version.startswith("stopgap 0."), used.stderr
    assert "Nothing was written" in plan
    assert title.startswith("# ")
    assert int(named) > 0
    assert completes.startswith("complete ")
    assert account == "stopgap:/var/lib/stopgap:/usr/sbin/nologin"
    assert (settings, enabled, kept) == ("root:stopgap 750", "0", "/etc/default/stopgap")
    assert left == "purged"
    assert not any(system.iterdir())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="asks systemd-analyze")
@pytest.mark.parametrize(("unit", "at_most"), [("stopgap-serve.service", 5), ("stopgap-runner@.service", 20)])
def test_services_may_do_next_to_nothing_beside_their_work(unit: str, at_most: int) -> None:
    path = ROOT / "scripts/release_build/rootfs/usr/lib/systemd/system" / unit
    words = ["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={at_most}", str(path)]
    judged = subprocess.run(words, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


def test_the_bill_of_materials_names_each_locked_library_with_licence_and_checksums() -> None:
    words = [sys.executable, "-c", "from release_build.materials import *; print(bill_of_materials())"]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "scripts")}
    first, second = (subprocess.run(words, env=env, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout
    parts = {part["name"]: part for part in json.loads(first.stdout)["components"]}
    assert {"paramiko", "fabric", "pydantic", "Jinja2"} <= {*parts} | {name.capitalize() for name in parts} | {
        "Jinja2"
    }
    assert all(part["properties"] for part in parts.values())
    assert [name for name, part in parts.items() if part["licenses"][0]["license"]["name"] == "unknown"] == []

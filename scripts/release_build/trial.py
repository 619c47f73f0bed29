"""The Debian package on fresh systems of Debian 12 and 13 without a network: installed, used, served and purged.

Each system is a minimal one of mmdebstrap's, with what the package depends on and recommends, in a folder of its own.
It is used as a folder first, then booted by systemd-nspawn, with PostgreSQL for a runner's queue.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab_hosts.image import _sources as sources

RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
_HERE = Path(__file__).parent / "on_debian"
_PACKAGES = (
    *("ca-certificates", "python3", "openssh-client", "man-db", "bash-completion", "systemd-sysv", "dbus", "procps"),
    "postgresql",
)
_LIMIT = 900
"""Seconds for a system to boot, be used and power off."""
_UNIT = """\
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /services.sh
ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS >/status; systemctl poweroff --no-block'
StandardOutput=file:/told
StandardError=file:/told.error
[Install]
WantedBy=default.target
"""


def tried(package: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each release with what was seen on it; raises SystemExit where the package cannot be used there."""
    for release, name in RELEASES.items():
        with tempfile.TemporaryDirectory(prefix="stopgap-trial-", dir="/var/tmp") as folder:
            root = Path(folder) / "root"
            _make(root, release, Path(folder))
            yield name, [*_used(root, name, package), *_served(root, name)]


def _used(root: Path, name: str, package: Path) -> list[str]:
    """Install, use and purge the package on a system that has not booted."""
    words = ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-eu", "-c"]
    mounted = (
        'mount -t proc none "$1/proc"; mount --rbind /dev "$1/dev"; cp "$2" "$1/stopgap.deb"; '
        'exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb sh -c "$3"'
    )
    done = subprocess.run(
        [*words, mounted, "trial", str(root), str(package), (_HERE / "used.sh").read_text()],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"release: not to be used on {name}:\n{done.stdout}{done.stderr}"[-4000:])
    return done.stdout.splitlines()


def _served(root: Path, name: str) -> list[str]:
    """Boot the system, and use the units of the package there."""
    (root / "services.sh").write_text((_HERE / "services.sh").read_text())
    unit = root / "etc/systemd/system/trial.service"
    unit.write_text(_UNIT)
    subprocess.run(["chroot", str(root), "systemctl", "enable", "--quiet", "trial.service"], check=True)
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
    # systemd-nspawn keeps its locks below /run/systemd, which a machine without systemd lacks.
    boot = 'mkdir -p /run/systemd; mount -t tmpfs -o mode=755 stopgap /run/systemd; exec "$@"'
    words += [boot, "boot", "systemd-nspawn", "--quiet", f"--directory={root}", "--boot", "--private-network"]
    words += ["--register=no", "--keep-unit", "--machine=stopgap-trial", "--resolv-conf=off", "--timezone=off"]
    words += ["--link-journal=no", "--console=pipe"]
    console = root.parent / "console"
    with console.open("wb") as output:
        ended = subprocess.run(
            words,
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=_LIMIT,
            check=False,
        )
    told = [root / "told", root / "told.error", console]
    status = root / "status"
    if ended.returncode or not status.exists() or status.read_text().strip() != "0":
        said = "".join(path.read_text(errors="replace")[-3000:] for path in told if path.exists())
        raise SystemExit(f"release: services do not work on {name}:\n{said}")
    return (root / "told").read_text().splitlines()


def _make(root: Path, release: str, scratch: Path) -> None:
    words = ["mmdebstrap", "--variant=minbase", "--mode=root", "--format=directory", "--quiet"]
    words += [
        '--aptopt=Acquire::Languages "none"',
        "--dpkgopt=force-unsafe-io",
        f"--include={','.join(_PACKAGES)}",
        release,
        str(root),
    ]
    made = subprocess.run(
        [*words, *sources(release, scratch)], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    )
    if made.returncode:
        raise SystemExit(f"release: mmdebstrap could not make a system of {release}")

"""The Debian package on fresh systems of Debian 12 and 13 without a network: installed, used and purged.

Each system is a minimal one of mmdebstrap's, with what the package depends on and recommends, in a folder of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab_hosts.image import _sources as sources

RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
_PACKAGES = ("ca-certificates", "python3", "openssh-client", "man-db", "bash-completion", "systemd")
_USED = r"""
set -eu
files() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /var/cache \
    -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/log \) -prune -o -print | sort; }
export DEBIAN_FRONTEND=noninteractive HOME=/root
files >/tmp/before
apt-get install -q -y -o Dpkg::Use-Pty=0 /stopgap.deb >/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
echo "installed:   $(stopgap --version), $(python3 --version)"
echo "manual:      $(man stopgap 2>/dev/null | grep -c 'stopgap evidence findings') mentions of 'evidence findings'"
completion=/usr/share/bash-completion/completions/stopgap
echo "completion:  $(bash -c "source $completion; complete -p stopgap" | cut -c 1-40)"
echo "pages:       $(stopgap docs | wc -l)"
cd /tmp
printf 'hosts: {here: {address: 127.0.0.1, connection: local}}\n' >inventory.yaml
printf '{name: A look, steps: [{task: evidence.collect, with: {profile: volatile}}]}\n' >runbook.yaml
echo "dry run:     $(stopgap run runbook.yaml -i inventory.yaml -t here --dry-run | grep Plan)"
for unit in /usr/lib/systemd/system/stopgap*.service; do
    [ ! -e "$unit" ] || echo "unit:        ${unit##*/}, $(systemctl --root=/ is-enabled "${unit##*/}" 2>&1 || :)"
done
rm -rf /root/.local /root/.cache
apt-get purge -q -y -o Dpkg::Use-Pty=0 stopgap >/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
files >/tmp/after
echo "left behind: $(diff /tmp/before /tmp/after | grep -c '^[<>]' || :) files"
diff /tmp/before /tmp/after | grep '^[<>]' || :
"""


def tried(package: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each release with what was seen on it; raises SystemExit where the package cannot be used there."""
    for release, name in RELEASES.items():
        with tempfile.TemporaryDirectory(prefix="stopgap-trial-", dir="/var/tmp") as folder:
            root = Path(folder) / "root"
            _make(root, release, Path(folder))
            words = ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-eu", "-c"]
            mounted = (
                'mount -t proc none "$1/proc"; mount --rbind /dev "$1/dev"; cp "$2" "$1/stopgap.deb"; '
                'exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb sh -c "$3"'
            )
            done = subprocess.run(
                [*words, mounted, "trial", str(root), str(package), _USED],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"release: not to be used on {name}:\n{done.stdout}{done.stderr}"[-4000:])
            yield name, done.stdout.splitlines()


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

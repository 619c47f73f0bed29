"""What chkrootkit, rkhunter and unhide of Debian name of the same traces, on the same host."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from recall_rig.trace import GUARD, Trace

PACKAGES = (
    *("chkrootkit", "rkhunter", "unhide", "ucf", "sensible-utils", "binutils", "binutils-common", "libbinutils"),
    *("binutils-x86-64-linux-gnu", "libctf0", "libctf-nobfd0", "libgprofng0", "libjansson4"),
)
"""The peers, and what they need beside the lab's own packages."""
COMMANDS = {
    "chkrootkit": "chkrootkit -q",
    "rkhunter": "rkhunter --check --skip-keypress --nocolors --report-warnings-only --disable apps",
    "unhide": "unhide-linux proc procall sys",
}
_INSTALL = f"""{GUARD}
kit=$(mktemp -d /run/peers.XXXXXX) && tar -xC $kit && dpkg --force-depends --unpack $kit/*.deb >/dev/null 2>&1
dpkg --force-depends --configure -a >/dev/null 2>&1
rkhunter --propupd --nocolors >/dev/null 2>&1
rm -rf $kit
"""


def install(ssh: Sequence[str | Path]) -> None:
    """Install the peers on a host of the lab, by `ssh`, a command line that takes one remote command.

    It has to be clean still: rkhunter learns there what is right.
    """
    kit = io.BytesIO()
    with (
        tempfile.TemporaryDirectory(prefix="stopgap-peers-") as folder,
        tarfile.open(fileobj=kit, mode="w") as archive,
    ):
        subprocess.run(["apt-get", "download", "-qq", *PACKAGES], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        for package in sorted(Path(folder).glob("*.deb")):
            archive.add(package, arcname=package.name)
    subprocess.run([*ssh, _INSTALL], input=kit.getvalue(), check=True, stdout=subprocess.DEVNULL)


def named_by(ssh: Sequence[str | Path], traces: Sequence[Trace], home: Path) -> dict[str, list[str]]:
    """Return the ids of the traces that each peer names, and keep what it said in `home`."""
    found = {}
    for name, command in COMMANDS.items():
        done = subprocess.run([*ssh, f"timeout 120 {command} 2>&1"], capture_output=True, text=True, errors="replace")
        (home / f"{name}.txt").write_text(done.stdout)
        found[name] = [trace.id for trace in traces if trace.cited.search(done.stdout)]
    return found

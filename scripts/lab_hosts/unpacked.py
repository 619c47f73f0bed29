"""Programs of Debian that no host of the lab has: unpacked, not installed, and kept in the user's cache."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from .failure import LabError
from .image import cache_directory, own_release, remove_tree

OPENVSWITCH = (
    *("openvswitch-switch", "openvswitch-common", "libxdp1", "libbpf1", "libunbound8", "libnuma1", "libcap-ng0"),
    *("libevent-2.1-7", "libelf1"),
)
PODMAN = (
    *("podman", "conmon", "crun", "netavark", "libdevmapper1.02.1", "libgpgme11", "libassuan0", "libgpg-error0"),
    *("libseccomp2", "libsubid4", "libglib2.0-0", "libyajl2"),
)


def unpacked(name: str, packages: tuple[str, ...]) -> Path:
    """Return a directory with the files of Debian packages, as `/`; fetched once (seconds).

    Raises LabError when the machine's package manager cannot fetch them.
    """
    place = cache_directory() / f"unpacked-{name}-{own_release()}"
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(place.parent / f".{place.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            part = place.with_suffix(".part")
            remove_tree(part)
            (part / "packages").mkdir(parents=True)
            _fetch(part, packages)
            part.rename(place)
    finally:
        os.close(lock)
    return place


def _fetch(part: Path, packages: tuple[str, ...]) -> None:
    got = subprocess.run(
        ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages],
        cwd=part / "packages", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if got.returncode:
        raise LabError(f"apt-get cannot fetch {' '.join(packages)}: {got.stderr.strip()[-400:]}")
    for package in (part / "packages").glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, part], check=True)
    remove_tree(part / "packages")

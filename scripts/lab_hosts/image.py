"""The Debian system that all hosts of the lab share, read-only: built once, then kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .failure import LabError

ROOTFS = Path(__file__).parent / "rootfs" / "base"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "udev", "openssh-server", "sudo", "cron", "rsyslog"),
    *("apache2", "postfix", "nftables", "conntrack", "iptables", "ipset", "iproute2", "iputils-ping", "net-tools"),
    *("curl", "procps", "psmisc", "lsof", "kmod", "e2fsprogs", "file", "less", "openssl", "python3-minimal"),
)
ROUTING = ("frr", "bird2")
"""Only in the image of this machine's own release, which is the one that routers boot."""
KEPT = 14 * 24 * 3600.0
"""Seconds that an image is kept after its last use; another clone may have need of it."""
# Whatever would change a host by itself while a test looks at it, or has no business in a namespace.
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"),
    *("logrotate.timer", "man-db.timer", "systemd-tmpfiles-clean.timer", "systemd-timesyncd.service"),
    *("e2scrub_reap.service", "systemd-sysctl.service", "systemd-networkd.service", "networking.service"),
    *("systemd-udevd.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket"),
    *("systemd-udev-trigger.service", "getty.target", "console-getty.service"),
    # Each takes inotify instances, of which a machine has 128 as a rule, for all of its labs.
    *("systemd-ask-password-console.path", "systemd-ask-password-wall.path", "user@.service"),
)


def cache_directory() -> Path:
    """`$XDG_CACHE_HOME/stopgap`, where images are kept between clones of the project."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stopgap"


def own_release() -> str:
    """The codename of this machine's Debian, such as `bookworm`."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "unknown")


def key(release: str) -> str:
    """Names the image: changes with the packages, the files laid over them, and the Debian release."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(f"{release} {platform.machine()}".encode())
    for path in sorted(ROOTFS.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(ROOTFS)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def ensure(say: Callable[[str], None], release: str) -> Path:
    """The root directory of a release's image, built if it is not there yet (about a minute).

    Raises LabError when the machine's package manager cannot build it.
    """
    image = cache_directory() / f"image-{key(release)}"
    if not image.is_dir():
        with _sole_builder(image.parent):
            if not image.is_dir():
                say(f"Building the hosts' image of Debian {release}, once (about a minute) …")
                start = time.monotonic()
                _build(image, release)
                say(f"Image built in {time.monotonic() - start:.0f} s: {image}")
    os.utime(image)
    return image


@contextmanager
def _sole_builder(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    directory = os.open(cache, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        unused = (path for path in cache.glob("image-*") if path.stat().st_mtime < time.time() - KEPT)
        for abandoned in (*cache.glob("image-*.part"), *unused):
            remove_tree(abandoned)
        yield
    finally:
        os.close(directory)


def _build(image: Path, release: str) -> None:
    part = image.with_suffix(".part")
    try:
        bootstrap(part, release, _packages(release))
        _customise(part, release)
        part.rename(image)
    except BaseException:
        remove_tree(part)
        raise


def _packages(release: str) -> tuple[str, ...]:
    return PACKAGES + (ROUTING if release == own_release() else ())


def bootstrap(root: Path, release: str, packages: Sequence[str]) -> None:
    """Make a root directory of a Debian release with some packages; raises LabError."""
    with tempfile.TemporaryDirectory(prefix="stopgap-image-") as scratch:
        settings, log = Path(scratch) / "apt.conf", Path(scratch) / "log"
        settings.write_text(_apt_settings())
        with log.open("wb") as output:
            built = subprocess.run(
                ["mmdebstrap", "--variant=minbase", "--mode=root", "--format=directory",
                 f"--aptopt={settings}", '--aptopt=Acquire::Languages "none"',
                 *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")),
                 f"--include={','.join(packages)}", release, str(root), *_sources(release, Path(scratch))],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        if built.returncode:
            sys.stderr.write(log.read_text(errors="replace")[-4000:])
            raise LabError("mmdebstrap could not build the hosts' image (its last words are above).")


def _customise(root: Path, release: str) -> None:
    shutil.copytree(ROOTFS, root, dirs_exist_ok=True, symlinks=True)
    units = root / "etc/systemd/system"
    for unit in MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    if release == own_release():
        routing = ("frr.service", "bird.service")
        disable = ["chroot", str(root), "systemctl", "disable", "--quiet", *routing]
        subprocess.run(disable, check=True, stderr=subprocess.DEVNULL)
        # Daemons that read files of their own start at once; bgpd waits four seconds after an integrated file.
        (root / "etc/frr/frr.conf").unlink()
    rsyslog = root / "etc/rsyslog.conf"  # imklog spins on the container's stub of /proc/kmsg
    rsyslog.write_text(rsyslog.read_text().replace('module(load="imklog")', '#module(load="imklog")'))
    for path in root.glob("etc/ssh/ssh_host_*"):
        path.unlink()
    # The machine's own sources and proxies are none of the hosts' business.
    for path in (root / "etc/apt").rglob("*"):
        if path.is_file() and (path.parent.name == "sources.list.d" or path.name in {"sources.list", "99mmdebstrap"}):
            path.unlink()
    for name in ("etc/machine-id", "etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)
        (root / name).touch()


def _apt(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _sources(release: str, scratch: Path) -> list[str]:
    """The machine's apt source files that lead to Debian itself, or copies of them that name another release."""
    targets = _apt("apt-get", "indextargets", "--format", "$(ORIGIN)|$(SOURCESENTRY)", "Created-By: Packages")
    rows = (row.partition("|") for row in targets.splitlines())
    files = {entry.rpartition(":")[0] for origin, _, entry in rows if origin == "Debian"}
    if not files:
        raise LabError("apt knows no Debian source on this machine: configure one and run apt-get update.")
    return sorted(
        files if release == own_release() else (_of_release(Path(file), release, scratch) for file in files)
    )


def _of_release(file: Path, release: str, scratch: Path) -> str:
    copy = scratch / file.name
    copy.write_text(re.sub(rf"\b{own_release()}\b", release, file.read_text()))
    return str(copy)


def _apt_settings() -> str:
    """How this machine reaches its sources: proxies, certificates, tolerance of a snapshot's date."""
    settings = _apt("apt-config", "dump", "--no-empty", "Acquire").splitlines()
    return "".join(f"{line}\n" for line in settings if not line.startswith("Acquire::IndexTargets::"))


def remove_tree(path: Path) -> None:
    """Delete a tree, immutable and append-only files too, without crossing into another file system."""
    if path.is_dir() and not path.is_symlink():
        subprocess.run(["chattr", "-R", "-f", "-i", "-a", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)

"""Hosts of another make than Debian's default: what a step that writes and a collection come to there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

WRITES = "changed"


@dataclass(frozen=True)
class OddHost:
    """One host of the box, in a mount namespace of its own."""

    name: str
    port: int
    about: str
    setup: str
    """Shell, in the host's root folder, before its SSH server starts."""
    writes: str = WRITES
    """A regular expression: outcome and reason of a step that writes a file."""
    collects: str = r"unchanged \d+ items.*"
    """The same of `evidence.collect`, profile volatile."""
    server: str = "chroot . /usr/sbin/sshd -f /etc/ssh/this.conf"
    inventory: Mapping[str, str] = field(default_factory=dict)


_BUSYBOX = """
rm -rf usr/local/* usr/bin/* usr/sbin/* 2>/dev/null
cp "$tools/busybox" usr/bin/busybox
for applet in $(usr/bin/busybox --list); do [ "$applet" = busybox ] || ln -s busybox "usr/bin/$applet"; done
cp "$tools/dropbear" usr/sbin/dropbear
sed -i s,/bin/bash,/bin/sh, etc/passwd
"""
_UUTILS = """
for program in usr/lib/cargo/bin/coreutils/*; do ln -sf "/$program" "usr/bin/${program##*/}"; done
ln -sf sudo-rs usr/bin/sudo
"""
_FULL = """
cp -a etc etc.kept; mount -t tmpfs -o size=8m tmpfs etc; cp -a etc.kept/. etc
dd if=/dev/zero of=etc/fill bs=1k 2>/dev/null || :
"""

HOSTS: tuple[OddHost, ...] = (
    OddHost(
        "busybox", 2301, "busybox alone, with dropbear", _BUSYBOX,
        server="chroot . /usr/sbin/dropbear -p 127.0.0.1:2301 -r /etc/dropbear/ed -P /run/dropbear.pid",
    ),
    OddHost(
        "uutils", 2302, "coreutils of uutils, sudo-rs", _UUTILS, inventory={"user": "sudoall", "become": "sudo"},
    ),
    OddHost("noproc", 2303, "no /proc", "umount -l proc", writes="failed /: /proc cannot be read"),
    OddHost(
        "noexec", 2304, "noexec on /tmp, /var/tmp, /run and /dev/shm",
        "for at in tmp var/tmp run dev/shm; do mount -t tmpfs -o noexec,nosuid tmpfs $at; done; mkdir -p run/sshd",
    ),
    OddHost(
        "readonly", 2305, "a root that is read-only", "mount -o remount,ro .", "failed /etc: Read-only file system"
    ),
    OddHost("full", 2306, "a disk that is full", _FULL, "failed /etc/stopgap-probe: 0 bytes are free.*"),
)  # fmt: skip

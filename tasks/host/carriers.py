"""Units and programs that carry other programs: what runs in one of these was started by it, or by hand."""

from __future__ import annotations

from fnmatch import fnmatchcase

_CARRIERS = (
    *("ssh.service", "ssh@*.service", "sshd.service", "sshd@*.service", "dropbear*.service", "*.scope", "*.mount"),
    *("user@*.service", "cron*.service", "atd.service", "anacron*.service", "rc-local.service", "systemd-*.service"),
    *("supervisor*.service", "monit*.service", "runit*.service", "runsvdir*.service", "s6*.service"),
    *("daemontools*.service", "svscan*.service", "*inetd*.service", "docker.service", "containerd.service"),
    *("zimbra*.service", "podman*.service", "crio.service", "kubelet.service", "libvirtd.service", "dbus*.service"),
)
"""Units with processes of other programs: what runs in one of these was started by it, or by hand."""
FORWARDERS = ("docker-proxy", "conmon", "rootlessport", "slirp4netns", "pasta", "pasta.avx2")
"""Programs of runtimes that hold a published port for a container."""


def is_carrier(name: str) -> bool:
    """Return True for a unit with processes of other programs, such as cron's or the SSH server's."""
    return any(fnmatchcase(name, pattern) for pattern in _CARRIERS)

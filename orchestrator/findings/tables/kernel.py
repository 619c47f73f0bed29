"""State of the kernel: mounts, modules, taint, settings, hooks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.hostnumber import parse_int

_OF_KERNEL = frozenset({"proc", "sysfs", "devtmpfs", "debugfs", "tracefs", "securityfs", "bpf", "cgroup", "cgroup2"})
_USUAL = re.compile(
    r"^/(?:proc|sys|dev|run|cgroup)(?:/|$)|/(?:chroot|jail|root|rootfs|target)s?/(?:[^/]+/)*(?:proc|sys|dev)(?:/|$)"
)
"""Where file systems of the kernel belong, the roots of services included."""
_RUNTIMES = re.compile(
    r"^/(?:var/lib/(?:docker|containers|containerd|kubelet|lxc|lxd|incus|snapd|machines|schroot|pbuilder|sbuild|buildkit)"
    r"|run/(?:docker|containerd|user|schroot|netns|systemd)|var/snap|snap|var/cache/pbuilder|home/[^/]+/\.local/share/containers)/"
)
"""Where container runtimes and builders mount."""
_INITSTATE = re.compile(r"/sys/module/([^/]+)/initstate")
TAINTS = {
    0: "a proprietary module was loaded",
    1: "a module was forced in",
    2: "a processor out of specification",
    3: "a module was forced out",
    4: "a machine check",
    5: "a bad page",
    6: "a user asked for it",
    7: "it has crashed before (oops)",
    8: "an ACPI table was overridden",
    9: "a warning was raised",
    10: "a staging driver was loaded",
    11: "a firmware bug is worked around",
    12: "a module from outside the kernel's own tree was loaded",
    13: "an unsigned module was loaded",
    14: "a soft lockup",
    15: "it was patched while running",
    16: "a distribution's own mark",
    17: "the layout of structures was randomised",
    18: "a test was run inside it",
}
"""Bits of /proc/sys/kernel/tainted (Documentation/admin-guide/tainted-kernels.rst)."""


@table(
    "mounts",
    reads="mounts",
    fields={
        "point": "where it is mounted",
        "type": "the filesystem",
        "source": "what is mounted",
        "options": "how",
        "root": "which part of the source",
        "again": "`root` or `kernel`: the root file system, or one of the kernel's, at a second place",
    },
)
def mounts(collected: CollectionReader) -> Iterator[Row]:
    """Mounts of the host's own namespace."""
    top: tuple[str, str, str] | None = None
    for number, text in collected.lines("mounts"):
        path, _, rest = text.partition(":")
        if path != "/proc/self/mountinfo":
            continue
        mine, _, behind = rest.partition(" - ")
        fields, more = mine.split(" "), behind.split(" ")
        if len(fields) >= 6 and len(more) >= 2:
            row: Fields = {"point": _plain(fields[4]), "options": fields[5], "root": _plain(fields[3])}
            row |= {"type": more[0], "source": _plain(more[1])}
            what = (more[0], more[1], fields[3])
            if fields[4] == "/":
                top = what
            elsewhere = not _RUNTIMES.match(_plain(fields[4]))
            again = "kernel" if more[0] in _OF_KERNEL and not _USUAL.search(fields[4]) else ""
            row |= {"again": ("root" if what == top and fields[4] != "/" else again) if elsewhere else ""}
            yield Row(row, Place("mounts", number))


def _plain(field: str) -> str:
    """Turn a character written as a backslash and three octal digits back (proc(5), mountinfo)."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda found: chr(parse_int(found[1], 3, base=8) or 0), field)


@table("taint", reads="clock", fields={"bit": "its number", "meaning": "what it says"})
def taint(collected: CollectionReader) -> Iterator[Row]:
    """Taint flags of the kernel."""
    for number, text in collected.lines("clock"):
        path, _, rest = text.partition(":")
        if path == "/proc/sys/kernel/tainted" and (marks := parse_int(rest)) is not None:
            for bit in range(64):
                if marks >> bit & 1:
                    row: Fields = {"bit": bit, "meaning": TAINTS.get(bit, "a mark that this program does not know")}
                    yield Row(row, Place("clock", number))


@table(
    "modules",
    reads="modules",
    fields={"name": "the module", "view": "`loaded` (/proc/modules), `live` (/sys) or `symbols` (kallsyms)"},
)
def modules(collected: CollectionReader) -> Iterator[Row]:
    """Kernel modules, in three views."""
    for number, text in collected.lines("modules"):
        path, _, rest = text.partition(":")
        if path == "/proc/modules":
            yield Row({"name": rest.partition(" ")[0], "view": "loaded"}, Place("modules", number))
        elif path == "/proc/kallsyms":
            name = rest.strip("[]")
            if not name.startswith("__builtin__") and name != "bpf":
                yield Row({"name": name, "view": "symbols"}, Place("modules", number))
        elif rest == "live" and (found := _INITSTATE.fullmatch(path)):
            yield Row({"name": found[1], "view": "live"}, Place("modules", number))


@table("settings", reads="kernel-settings", fields={"name": "its path", "value": "its value"})
def settings(collected: CollectionReader) -> Iterator[Row]:
    """Settings below /proc/sys."""
    for number, text in collected.lines("kernel-settings"):
        name, colon, value = text.partition(":")
        if colon:
            yield Row({"name": name.removeprefix("/proc/sys/"), "value": value}, Place("kernel-settings", number))


@table("hooks", reads="kernel-hooks", fields={"source": "where it is hooked in", "text": "the hook"})
def hooks(collected: CollectionReader) -> Iterator[Row]:
    """Probes, traced functions and interpreters hooked into the kernel."""
    for number, text in collected.lines("kernel-hooks"):
        source, colon, rest = text.partition(":")
        if colon and source.startswith(("/sys/kernel/", "/proc/sys/fs/binfmt_misc/")):
            yield Row({"source": source, "text": rest}, Place("kernel-hooks", number))

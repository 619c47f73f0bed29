"""Namespaces and roots that a process has to itself, which neither its unit nor a container runtime gave it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Row
from stopgap.orchestrator.hostnumber import parse_int

_CONTAINER = re.compile(r"(docker|libpod|containerd|kubepods|crio|lxc|machine\.slice|buildkit|garden|\.snap)")
_GROUP = re.compile(r"(/sys/fs/cgroup[^:]{0,4000})/cgroup\.procs:([0-9]{1,9})")
_RUNTIME = re.compile(
    r"/(?:podman|conmon|crun|runc|containerd[\w-]*|dockerd?|docker-\w+|lxc[\w-]*|lxd|incusd?|systemd-nspawn|bwrap|flatpak[\w-]*"
    r"|snap-\w+|snapd|firejail|buildah|buildkitd|rootlesskit|slirp4netns|pasta|passt|catatonit|libvirtd|virtqemud|schroot|sbuild"
    r"|mmdebstrap|pbuilder|nsjail|minijail\w*|kubelet|cri-o|crio|nix-daemon|apptainer|singularity|chrome|chromium|firefox[\w-]*)$"
)
"""Programs whose business it is to start others in namespaces of their own."""
_KINDS = frozenset({"mnt", "net", "pid", "user"})
_HIGHEST = 64
"""Ancestors that are followed."""


def control_groups(collected: CollectionReader) -> Mapping[int, str]:
    """Return the control group of each process, as the path below /sys/fs/cgroup; unified hierarchy or any other."""
    found: dict[int, str] = {}
    for _, text in collected.lines("process-relations"):
        match = _GROUP.match(text)
        pid = parse_int(match[2], 9) if match else None
        if match and pid and (pid in found or collected.meter.hold("control groups", match[1])):
            found[pid] = match[1] if len(match[1]) > len(found.get(pid, "")) else found[pid]
    return found


def contained(groups: Mapping[int, str]) -> frozenset[int]:
    """Return the processes of containers, by their control groups."""
    return frozenset(pid for pid, group in groups.items() if _CONTAINER.search(group))


def confined(found: Sequence[Row], groups: Mapping[int, str]) -> Mapping[int, tuple[str, ...]]:
    """Return, by process, the kinds of namespaces, and `root`, that nothing known explains.

    A namespace is explained by the process that has lived in it first: by a unit whose oldest process that is
    (systemd.exec(5)), or by a container runtime among its ancestors. `found` are rows of `processes`.
    """
    by_pid = {int(row.fields["pid"]): row for row in found}
    oldest: dict[str, tuple[float, int]] = {}
    for pid, row in by_pid.items():
        if group := groups.get(pid, ""):
            oldest[group] = min(oldest.get(group, (row.time, pid)), (row.time, pid))
    told: dict[int, tuple[str, ...]] = {}
    for pid, row in by_pid.items():
        kinds = tuple(kind for kind, of in _own(row) if not _explained(pid, kind, of, by_pid, groups, oldest))
        if kinds:
            told[pid] = kinds
    return told


def _own(row: Row) -> Iterator[tuple[str, str]]:
    """Yield kind and number of each namespace, and the root, that a process does not share with process 1."""
    for each in str(row.fields["apart"]).split():
        kind, _, number = each.partition(":")
        if kind in _KINDS:
            yield kind, number
    root = str(row.fields["root"])
    if root.startswith("/") and root != "/":
        yield "root", root


def _explained(
    pid: int,
    kind: str,
    number: str,
    by_pid: Mapping[int, Row],
    groups: Mapping[int, str],
    oldest: Mapping[str, tuple[float, int]],
) -> bool:
    """Tell whether a unit or a runtime gave a process one of its namespaces."""
    first = pid
    for _ in range(_HIGHEST):
        parent = int(by_pid[first].fields["parent"])
        if parent not in by_pid or (kind, number) not in set(_own(by_pid[parent])):
            break
        first = parent
    group = groups.get(first, "")
    if group.endswith((".service", ".mount", ".socket")) and oldest[group][1] == first:
        return True
    above = first
    for _ in range(_HIGHEST):
        if above not in by_pid:
            break
        if _RUNTIME.search(str(by_pid[above].fields["program"])):
            return True
        above = int(by_pid[above].fields["parent"])
    return False

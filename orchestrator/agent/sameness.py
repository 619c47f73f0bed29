"""What a process inherits and cannot be given: where agent and client differ, the command runs in the client."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
"""namespaces(7). A router that is reached from one network namespace is another one from the next."""
_STATUS = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
"""Lines of /proc/PID/status (proc(5))."""


def difference(client: int) -> str | None:
    """Return the first thing in which this process differs from a client, given by number; None if none.

    Limits, priority and processors are taken over where the kernel lets this process; root directory, namespaces,
    accounts, capabilities, confinement and who logged in (loginuid, audit(7)) have to be the same. The control group
    stays the agent's.
    """
    here, there = "/proc/self", f"/proc/{client}"
    try:
        for name, ours, its in _facts(here, there):
            if ours != its:
                return name
    except OSError as error:
        return error.strerror or "/proc"
    return _take_limits(client)


def _facts(here: str, there: str) -> Iterator[tuple[str, object, object]]:
    yield "root", os.readlink(f"{here}/root"), os.readlink(f"{there}/root")  # noqa: PTH115
    for name in _NAMESPACES:
        yield name, _link(f"{here}/ns/{name}"), _link(f"{there}/ns/{name}")
    ours, its = _status(here), _status(there)
    for name in _STATUS:
        yield name, ours.get(name), its.get(name)
    for name in ("loginuid", "attr/current"):
        yield name, _text(f"{here}/{name}"), _text(f"{there}/{name}")


def _take_limits(client: int) -> str | None:
    for name in dir(resource):
        if not name.startswith("RLIMIT_"):
            continue
        limit = getattr(resource, name)
        try:
            its = resource.prlimit(client, limit)
            if resource.getrlimit(limit) != its:
                resource.setrlimit(limit, its)
        except (OSError, ValueError):
            return "limits"
    try:
        its_priority = os.getpriority(os.PRIO_PROCESS, client)
        if os.getpriority(os.PRIO_PROCESS, 0) != its_priority:
            os.setpriority(os.PRIO_PROCESS, 0, its_priority)
        if os.sched_getaffinity(0) != (processors := os.sched_getaffinity(client)):
            os.sched_setaffinity(0, processors)
    except OSError:
        return "priority"
    return None


def _link(path: str) -> str | None:
    """Return the target of a link, None for a namespace that this kernel lacks."""
    try:
        return os.readlink(path)  # noqa: PTH115
    except FileNotFoundError:
        return None


def _status(folder: str) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in _text(f"{folder}/status").splitlines() if ":\t" in line)


def _text(path: str) -> str:
    """Return the content of a file; nothing for a file that this kernel lacks, or a security module does not fill."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""

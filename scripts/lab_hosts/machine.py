"""A host of the lab as a running machine: systemd-nspawn on an overlay, in a control group of its own.

The control group is what makes a host's processes findable, killable and freezable whatever became of
systemd-nspawn; the overlay and all other mounts live in a private mount namespace and go with the host.
"""

from __future__ import annotations

import errno
import os
import subprocess
import time
from pathlib import Path

from .failure import LabError
from .state import PLACE
from .topology import Node

GROUP = "stopgap"
# Arguments: control group, overlay options, mount point, systemd-nspawn and its arguments.
BOOT = """
echo $$ >"$1/cgroup.procs"
mkdir -p /run/systemd
mount -t tmpfs -o mode=755 stopgap /run/systemd  # where nspawn keeps its locks
mount -t overlay -o "$2" stopgap "$3"
shift 3
exec "$@"
"""


def boot(node: Node, directory: Path, image: Path, token: str) -> subprocess.Popen[bytes]:
    """Start a host from `directory`/upper over `image`. Its PID 1 carries `token` in its environment."""
    group = _group(node)
    group.mkdir(parents=True, exist_ok=True)
    for name in ("upper", "work", "root"):
        (directory / name).mkdir(exist_ok=True)
    overlay = f"volatile,lowerdir={image},upperdir={directory}/upper,workdir={directory}/work"
    with (directory / "console").open("wb") as console:
        return subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec", BOOT, "boot",
             group, overlay, directory / "root",
             "systemd-nspawn", "--quiet", f"--directory={directory}/root", "--boot", "--register=no", "--keep-unit",
             f"--machine={node.namespace}", f"--hostname={node.name}",
             f"--network-namespace-path=/run/netns/{node.namespace}", "--capability=CAP_NET_ADMIN,CAP_SYSLOG",
             "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
             f"--setenv=STOPGAP_LAB_TOKEN={token}"],
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
            stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
        )  # fmt: skip


def whole(node: Node) -> bool:
    """Both the host's own processes and the systemd-nspawn that keeps it are running."""
    group = _group(node)
    return bool(_members(group / "supervisor") and _members(group / "payload" / "init.scope"))


def init(node: Node) -> int:
    """A host's first process, as this machine numbers it; LabError where it does not run."""
    for process in _members(_group(node) / "payload" / "init.scope"):
        return int(process)
    raise LabError(f"{node.name} does not run.")


def token(node: Node) -> str:
    """The token that a host was booted with; LabError where it does not run."""
    words = Path(f"/proc/{init(node)}/environ").read_text(errors="replace").split("\0")
    return next((word.partition("=")[2] for word in words if word.startswith("STOPGAP_LAB_TOKEN=")), "")


def any_left() -> bool:
    """Some host's process or control group is still there."""
    return _groups().is_dir()


def freeze(node: Node, frozen: bool) -> None:
    """Stop or continue all of a host's processes at once; its kernel goes on answering for them."""
    (_group(node) / "cgroup.freeze").write_text(str(int(frozen)))


def frozen(node: Node) -> bool:
    state = _group(node) / "cgroup.freeze"
    return state.exists() and state.read_text().strip() == "1"


def kill_all(place: str = PLACE, patience: float = 10) -> None:
    """Kill every process of every host and remove their control groups.

    Raises LabError when the kernel still holds one after `patience` seconds.
    """
    _kill(Path(GROUP + place), patience)


def kill(node: Node, patience: float = 10) -> None:
    """Do the same with the processes and control groups of one host."""
    _kill(Path(GROUP + PLACE, node.name), patience)


def _kill(branch: Path, patience: float) -> None:
    groups = _groups().parent / branch
    if groups.is_dir():
        (groups / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + patience
    while any(_members(group) for group in groups.rglob("*")):
        if time.monotonic() > deadline:
            raise LabError("Some of the lab's processes do not die: look for them with ps, then try again.")
        time.sleep(0.02)
    # systemd-nspawn makes its groups in the older hierarchies too.
    for hierarchy in (*_mounts("cgroup2"), *_mounts("cgroup")):
        for path, _, _ in os.walk(hierarchy / branch, topdown=False):
            _remove(Path(path), deadline)


def _remove(group: Path, deadline: float) -> None:
    """Remove a control group; the kernel holds it for a moment longer than the last of its processes."""
    while True:
        try:
            group.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _members(group: Path) -> list[str]:
    try:
        return (group / "cgroup.procs").read_text().split()
    except OSError:
        return []


def _mounts(kind: str) -> list[Path]:
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [Path(where) for _, where, its_kind, *_ in mounts if its_kind == kind]


def _groups() -> Path:
    unified = _mounts("cgroup2")
    if not unified:
        raise LabError("This machine has no cgroup2 file system, which the hosts need: mount one, then try again.")
    return unified[0] / (GROUP + PLACE)


def _group(node: Node) -> Path:
    return _groups() / node.name

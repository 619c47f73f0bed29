"""A small host in a folder, entered with chroot(2) in a mount namespace of its own: what is done to it shows."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.shell import PATH
from stopgap.orchestrator.task import Artifact

TOOLS = (
    *(
        "awk",
        "cat",
        "date",
        "env",
        "find",
        "getcap",
        "grep",
        "head",
        "id",
        "ip",
        "lsattr",
        "readlink",
        "sed",
        "sleep",
        "ss",
    ),
    *("stat", "tar", "timeout", "tr", "uname", "who"),
)
SHELLS = ("dash", "bash", "busybox")


@dataclass(frozen=True)
class Host:
    """Its root folder. `busybox` has no program but that, `alone` none but a shell; the others have GNU's."""

    root: Path
    shell: str

    def collect(
        self, artifact: Artifact, before: str = "", account: int | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one artifact as the connection does. The arguments are those of `run`."""
        return self.run(artifact.script, before, account)

    def run(self, script: str, before: str = "", account: int | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a script, as an `account` without rights if given.

        `before` prepares the namespaces from outside of the root. Of processes, the host has only those that begin
        there: it sees none of this machine's, and none outlives it.
        """
        who = "" if account is None else f"--userspec={account}:{account} "
        inside = f"cd /; (eval {shlex.quote(script)}) </dev/null"
        setting = (
            f"mount --rbind {self.root} {self.root} && mount -t proc proc /proc && "
            f"mount --rbind /proc {self.root}/proc && "
            f"mount --bind /dev/null {self.root}/dev/null && {before or ':'} && "
            f"exec env -i PATH={PATH} LC_ALL=C chroot {who}{self.root} /bin/sh -s"
        )
        unshare = ["unshare", *(["-r"] if os.geteuid() else []), "-m", "-p", "--fork", "--kill-child"]
        return subprocess.run(
            [*unshare, "--propagation", "private", "sh", "-c", setting],
            input=inside.encode(), capture_output=True, timeout=90, check=False,
        )  # fmt: skip

    def state(self) -> dict[bytes, tuple[int, ...]]:
        """Everything of each entry that writing would change."""
        found: dict[bytes, tuple[int, ...]] = {}
        for folder, folders, files in os.walk(bytes(self.root)):
            if folder == bytes(self.root / "proc"):
                folders.clear()
                continue
            for name in (b".", *folders, *files):
                path = folder + b"/" + name
                seen = os.lstat(path)
                found[path] = (seen.st_ino, seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
        return found


def build(root: Path, shell: str) -> Host:
    """Make the root folder with the programs that this kind of host has."""
    for folder in ("bin", "dev", "usr/bin", "usr/sbin", "proc", "etc", "root", "home", "tmp", "var/log", "var/tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "dev/null").touch()
    (root / "tmp").chmod(0o1777)
    if shell == "busybox":
        programs = {"bin/busybox": Path(_which("busybox"))}
    elif shell == "alone":
        programs = {"bin/sh": Path(_which("dash"))}
    else:
        programs = {f"usr/bin/{tool}": Path(_which(tool)) for tool in TOOLS if shutil.which(tool)}
        programs["bin/sh"] = Path(_which(shell))
    for name, program in programs.items():
        _copy(program.resolve(), root / name)
        for library in _libraries(program):
            _copy(library, root / str(library).lstrip("/"))
    if shell == "busybox":
        listed = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
        for applet in {*listed, "sh"} - {"busybox"}:
            (root / "bin" / applet).symlink_to("busybox")
        (root / "usr/bin").rmdir()
        (root / "usr/bin").symlink_to("/bin")
    return Host(root, shell)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy2(source, target)


def _libraries(program: Path) -> list[Path]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [Path(word) for line in listed.splitlines() for word in line.split() if word.startswith("/")]


def _which(tool: str) -> str:
    found = shutil.which(tool)
    assert found, f"{tool} is not installed"
    return found

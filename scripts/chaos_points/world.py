"""The lab's hosts as they are, seen from below: no login, so that a look costs milliseconds and changes nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab_hosts import machine
from lab_hosts.state import NAMESPACES
from lab_hosts.topology import BY_NAME

SEEN = {"edge": "rules", "web": "files", "spare": "files", "neighbour": "files"}
FOLDERS = ("etc", "var/www")
FILLED = {"web": ("/etc/systemd/system",), "spare": ("/etc/apache2", "/var/www")}
"""Where a run writes on hosts; a router's changes lie in its memory."""
FILLER = ".stopgap-chaos-filler"
CHURN = ("etc/mtab", "etc/resolv.conf", "etc/.updated", "etc/machine-id")


def enter(host: str, *argv: str) -> list[str]:
    """Give the words that run a program of this machine on a host's network."""
    return ["nsenter", f"--net={NAMESPACES / BY_NAME[host].namespace}", "--", *argv]


def snapshot() -> dict[str, str]:
    """Digest of each host: a router's rules and routes; another's files, locks, ports and stopped processes."""
    return {host: _rules(host) if kind == "rules" else _files(host) for host, kind in SEEN.items()}


def differing(baseline: dict[str, str], *, patience: float = 0) -> set[str]:
    """Hosts that are not as in the baseline; a daemon that starts again gets so many seconds."""
    end = time.monotonic() + patience
    while True:
        now = snapshot()
        found = {host for host in now if now[host] != baseline[host]}
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.2)


def refused() -> list[str]:
    """Configuration that its daemon would refuse, and rollback timers that may still fire."""
    problems = []
    for host in ("web", "spare"):
        tested = subprocess.run(
            ["nsenter", "-t", str(machine.init(BY_NAME[host])), "-a", "apache2ctl", "-t"],
            capture_output=True,
            text=True,
        )
        if tested.returncode:
            problems.append(f"{host}: apache2ctl -t: {tested.stderr.strip().splitlines()[-1:]}")
    listed = subprocess.run(enter("edge", "nft", "list", "ruleset"), capture_output=True, text=True).stdout
    tested = subprocess.run(enter("edge", "nft", "-c", "-f", "-"), input=listed, capture_output=True, text=True)
    return problems + ([f"edge: nft -c: {tested.stderr[:200]}"] if tested.returncode else [])


@contextmanager
def small_disks() -> Iterator[list[str]]:
    """Put what is written to on hosts on small disks, for a block's length; gives the command that fills them."""
    fill = [f"cat /dev/zero >{folder}/{FILLER}" for folder in _fillable()]
    try:
        for host, folders in FILLED.items():
            for folder in folders:
                _inside(
                    host,
                    f"""
                    cp -a {folder} /run/stopgap-chaos && size=$(($(du -sk {folder} | cut -f1) + 64))
                    mount -t tmpfs -o mode=755,size=${{size}}k chaos {folder}
                    cp -a /run/stopgap-chaos/. {folder}/; rm -rf /run/stopgap-chaos""",
                )
        yield ["sh", "-c", "; ".join(fill)]
    finally:
        for host, folders in FILLED.items():
            _inside(host, "; ".join(f"umount -l {folder}" for folder in folders))


def free_small_disks() -> None:
    """Make room again on disks that were filled."""
    for filler in _fillable():
        (filler / FILLER).unlink(missing_ok=True)


def _fillable() -> list[Path]:
    return [_root(host) / folder.lstrip("/") for host, folders in FILLED.items() for folder in folders]


def _root(host: str) -> Path:
    return Path("/proc") / str(machine.init(BY_NAME[host])) / "root"


def _inside(host: str, script: str) -> None:
    subprocess.run(["nsenter", "-t", str(machine.init(BY_NAME[host])), "-a", "sh", "-ec", script], check=True)


def left_behind() -> list[str]:
    """What a run has left on hosts that no undo will remove: scheduled undos, temporary folders."""
    found = []
    for host in SEEN:
        root = _root(host)
        found += [f"{host}: {p.name}" for p in (root / "run/stopgap").glob("*.armed")]
        for folder in FOLDERS:
            found += [f"{host}: {p.name}" for p in (root / folder).rglob(".stopgap.*")]
    return found


def _rules(host: str) -> str:
    words = "nft -s list ruleset; ip -4 rule; ip -6 rule; ip -4 route; ip -6 route | sed 's/ expires [0-9]*sec//'"
    return subprocess.run(enter(host, "sh", "-c", words), capture_output=True, text=True, check=True).stdout


def _files(host: str) -> str:
    root = _root(host)
    digest = hashlib.sha256()
    for top in FOLDERS:
        for folder, below, names in os.walk(root / top):
            below.sort()
            for name in sorted((*names, *below)):
                path = Path(folder) / name
                relative = str(path.relative_to(root))
                if relative in CHURN or ".stopgap." in relative:
                    continue
                status = path.lstat()
                digest.update(f"{relative} {status.st_mode:o} {status.st_uid} {status.st_gid} ".encode())
                if path.is_symlink():
                    digest.update(str(path.readlink()).encode())
                elif path.is_file():
                    digest.update(path.read_bytes())
    sockets = subprocess.run(enter(host, "ss", "-Hltn"), capture_output=True, text=True).stdout
    locked = subprocess.run(["lsattr", "-a", root / "usr/sbin", root / "usr"], capture_output=True).stdout
    digest.update(locked.replace(bytes(root), b""))
    ports = sorted({line.split()[3].rpartition(":")[2] for line in sockets.splitlines()})
    return f"{digest.hexdigest()} {' '.join(ports)} {' '.join(_stopped(root))}"


def _stopped(root: Path) -> list[str]:
    """Processes of a host that stand still, by number."""
    states: list[str] = []
    for process in (root / "proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "stat").read_text().rpartition(") ")[2].startswith("T"):
                states.append(process.name)
    return sorted(states)

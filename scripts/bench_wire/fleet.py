"""Many hosts in one process: addresses of one namespace in which one sshd answers on 127.0.0.0/8."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench_wire.place import ROOT, Place
from bench_wire.table import Row

NAMESPACE = "stopgap-bench"
INSIDE = ("nsenter", f"--net=/run/netns/{NAMESPACE}", "--")
LONGEST = 240.0
"""Seconds after which a count is given up: its "hosts" are this machine, and it is to recover."""
BUSIEST = 200.0
"""Load (getloadavg(3), of one minute) above which it is given up too."""


def measure(place: Place) -> Iterator[Row]:
    """Time, processor time and memory of one process that reads one fact of each host."""
    runbook = place.folder / "fleet.yaml"
    step = {"task": "host.file", "with": {"path": "/proc/stopgap-bench", "absent": True}}
    runbook.write_text(json.dumps({"name": "Look at all", "steps": [step]}))
    with _sshd(place.folder) as daemon:
        for count in place.hosts:
            inventory = place.folder / f"fleet-{count}.json"
            names = {f"h{n}": {"address": f"127.1.{n // 250}.{n % 250 + 1}", "port": 2222} for n in range(count)}
            defaults = {"known_hosts": "./fleet-hosts", "identity": "./fleet-key"}
            groups = {"all": {"hosts": list(names)}}
            inventory.write_text(json.dumps({"defaults": defaults, "hosts": names, "groups": groups}))
            words = ["run", str(runbook), "-i", str(inventory), "-t", "all", "--dry-run", "--json"]
            argv = [*INSIDE, str(ROOT / ".venv/bin/stopgap"), *words]
            begun = time.monotonic()
            with (place.folder / "out").open("wb") as out:
                process = subprocess.Popen(argv, stdout=out, stderr=out, env=place.environment)
                status, used, why = _waited(process.pid, begun)
            took = time.monotonic() - begun
            text = (place.folder / "out").read_text()
            reached = sum('"outcome": "unchanged"' in line for line in text.splitlines() if "step-planned" in line)
            cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
            more = f"{cpu:.1f} s CPU ({cpu / count * 1000:.0f} ms a host), {memory:.0f} MiB, {reached} reached"
            if why or os.waitstatus_to_exitcode(status) or reached != count:
                more += why or f", exit status {os.waitstatus_to_exitcode(status)}"
            target = "< 400 MiB" if count == 1000 else ""
            yield Row(f"{count} hosts", (took,), target=target, more=more)
            _end_sessions(daemon)
            if why:
                return


def _waited(pid: int, begun: float) -> tuple[int, resource.struct_rusage, str]:
    """Wait for its end, or bring it about; gives status, what it used, and why it was ended."""
    why = ""
    while True:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            return status, used, why
        if not why and time.monotonic() - begun > LONGEST:
            why = f", given up after {LONGEST:.0f} s"
        if not why and os.getloadavg()[0] > BUSIEST:
            why = f", given up at a load of {BUSIEST:.0f}"
        if why:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


@contextmanager
def _sshd(folder: Path) -> Iterator[int]:
    """Serve on every address of the namespace; gives the daemon's process id."""
    for name in ("fleet-key", "host-key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    kind, key, _ = (folder / "host-key.pub").read_text().split()
    (folder / "fleet-hosts").write_text(f"[127.*]:2222 {kind} {key}\n")
    (folder / "config").write_text(
        f"Port 2222\nListenAddress 0.0.0.0\nHostKey {folder}/host-key\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/fleet-key.pub\nMaxStartups 1000:30:2000\nUseDNS no\nUsePAM no\n"
        f"SetEnv HOME={folder}\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    try:
        subprocess.run([*INSIDE, "ip", "link", "set", "lo", "up"], check=True)
        # What a person has in ~/.bashrc is no part of a host: an empty home hides it.
        home = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {Path.home()} && exec "$@"', "sh")
        daemon = subprocess.Popen(
            [*INSIDE, *home, "/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.5)
        try:
            yield daemon.pid
        finally:
            _end_sessions(daemon.pid)
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()
    finally:
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=True)


def _end_sessions(daemon: int) -> None:
    """End what a run left on its "hosts": all of them are this machine, and a thousand weigh."""
    pids = subprocess.run(["ip", "netns", "pids", NAMESPACE], capture_output=True, text=True).stdout.split()
    for pid in pids:
        with suppress(ProcessLookupError):
            if int(pid) != daemon:
                os.kill(int(pid), signal.SIGKILL)

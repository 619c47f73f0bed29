"""What the internet sees, and what lies on the hosts' disks."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .conftest import LAB, ROOT, STATE, Lab

_SESSION = """
import socket, sys, time
s = socket.create_connection(("203.0.113.10", 25), 3)
s.settimeout(2)
f = s.makefile("rb")
f.readline()
for _ in range(300):
    s.sendall(b"NOOP\\r\\n")
    if not f.readline().startswith(b"250"):
        break
    sys.stdout.write("answered\\n")
    sys.stdout.flush()
    time.sleep(0.1)
"""

_LISTEN = """
import select, socket, sys, time
sockets = []
for family, address in ((socket.AF_INET, "198.51.100.2"), (socket.AF_INET6, "2001:db8:100::2")):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        s = socket.socket(family, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 4444 if kind == socket.SOCK_DGRAM else 4445))
        if kind == socket.SOCK_STREAM:
            s.listen()
        sockets.append(s)
seen, end = set(), time.monotonic() + float(sys.argv[1])
while (left := end - time.monotonic()) > 0:
    if len(seen) == len(sockets):
        break
    for s in select.select(sockets, [], [], left)[0]:
        name = ("udp", "tcp")[s.type == socket.SOCK_STREAM] + ("4", "6")[s.family == socket.AF_INET6]
        s.accept()[0].close() if s.type == socket.SOCK_STREAM else s.recv(2048)
        seen.add(name)
print(" ".join(sorted(seen)))
"""


def beacon(lab: Lab, seconds: float = 3) -> set[str]:
    """Ways by which the beacon reaches the internet, of `udp4 udp6 tcp4 tcp6`: at once if all, or after so long."""
    done = lab.exec("internet", "python3", "-c", _LISTEN, str(seconds))
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@contextmanager
def smtp_session(lab: Lab) -> Iterator[subprocess.Popen[str]]:
    """A session from the internet to web's port 25 that asks ten times a second, for half a minute at most."""
    process = subprocess.Popen(
        [LAB, "exec", "internet", "python3", "-c", _SESSION], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def overlay(host: str) -> dict[str, str]:
    """Hash of every file that a booted host has written, by path; without what its own daemons keep writing.

    sshd's login records and the logs are its business, and so are the mail queue's retries.
    """
    top = STATE / "hosts" / host / "upper"
    own = (
        "var/log",
        "var/spool/postfix",
        "var/lib/systemd",
        "var/lib/logrotate",
        "var/tmp",
        "run",
        "var/lib/postfix",
    )
    found: dict[str, str] = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder) / name
            relative = str(path.relative_to(top))
            if relative.startswith(own) or not path.is_file() or path.is_symlink():
                continue
            found[relative] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found

"""Twenty hosts behind one router, cut off by one command: until each of them is silent, and until all is proved."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lab_hosts import namespaces
from lab_hosts.topology import BY_NAME, Node

from bench_wire.cut_off import EDGE
from bench_wire.place import KEY, KNOWN_HOSTS, STOPGAP, Place, ssh, timed
from bench_wire.table import Row

HOSTS = tuple(Node(f"twenty-{n}", (f"203.0.113.{101 + n}",), ()) for n in range(20))
"""Each a namespace with a port of its own at the router's bridge, and an sshd."""
PORT = 47012
EVERY, SETTLED = 0.01, 0.3
"""Seconds between two datagrams to a host; and without any, after which it is the cut."""


def measure(place: Place) -> Iterator[Row]:
    """From the command; beside `ssh edge nft -f -` with the same addresses, which proves nothing."""
    with _hosts(place.folder) as addresses:
        inventory, block = _written(place.folder, addresses)
        cut = ["run", str(block), "-i", str(inventory), "-t", "all", "--yes"]
        rules = "".join(f" ip saddr {a} drop; ip daddr {a} drop;" for a in addresses)
        drop = f"table inet bench {{ chain cut {{ type filter hook prerouting priority -400;{rules} }}; }}\n"
        ours, bare, proved = [], [], []
        for _ in range(place.attempts):
            last, took = _silent(addresses, [*STOPGAP, *cut], place)
            ours.append(last)
            proved.append(took)
            place.undo()
            bare.append(_silent(addresses, ssh(EDGE, "nft", "-f", "-"), place, drop)[0])
            timed(ssh(EDGE, "nft", "delete", "table", "inet", "bench"))
        yield Row(f"{len(HOSTS)} hosts, until the last is silent", tuple(ours), tuple(bare), target="≤ 2 s")
        yield Row(f"{len(HOSTS)} hosts, until all is proved", tuple(proved))


def _written(folder: Path, addresses: list[str]) -> tuple[Path, Path]:
    hosts = {f"h{n}": {"address": a, "addresses": [a], "upstream": "edge"} for n, a in enumerate(addresses)}
    edge = {"address": EDGE, "may_block": ["203.0.113.0/24"]}
    document = {
        "defaults": {"known_hosts": str(folder / "twenty-hosts"), "identity": str(KEY)},
        "hosts": {**hosts, "edge": edge, "isp": {"address": "192.0.2.1", "vantage": "outside"}},
        "groups": {"all": {"hosts": list(hosts)}},
    }
    inventory, block = folder / "twenty.json", folder / "twenty-block.json"
    inventory.write_text(json.dumps(document))
    block.write_text(json.dumps({"name": "Block", "steps": [{"task": "traffic.block"}]}))
    return inventory, block


def _silent(addresses: list[str], argv: list[str], place: Place, stdin: str = "") -> tuple[float, float]:
    """Run a command; give the seconds to the first datagram that the last of the hosts misses, and to its end."""
    heard = dict.fromkeys(addresses, 0.0)
    over = threading.Event()
    with ExitStack() as open_:
        for host, address in zip(HOSTS, addresses, strict=True):
            with namespaces.entered(host):
                there = open_.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            there.bind((address, PORT))
            there.settimeout(EVERY)
            open_.callback(_listening(there, address, heard, over).join)
        with namespaces.entered(BY_NAME["internet"]):
            here = open_.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        open_.callback(_sending(here, addresses, over).join)
        open_.callback(over.set)
        while not all(heard.values()):
            time.sleep(EVERY)
        begun = time.monotonic()
        done = subprocess.run(argv, input=stdin, env=place.environment, capture_output=True, text=True)
        took = time.monotonic() - begun
        time.sleep(SETTLED)
        last = max(heard.values())
    if last > begun + took:
        raise SystemExit(f"a host was not cut off:\n{done.stdout}{done.stderr}")
    return last - begun, took


def _listening(
    there: socket.socket, address: str, heard: dict[str, float], over: threading.Event
) -> threading.Thread:
    def listen() -> None:
        while not over.is_set():
            try:
                there.recv(64)
            except TimeoutError:
                continue
            heard[address] = time.monotonic()

    thread = threading.Thread(target=listen)
    thread.start()
    return thread


def _sending(here: socket.socket, addresses: list[str], over: threading.Event) -> threading.Thread:
    def send() -> None:
        while not over.wait(EVERY):
            for address in addresses:
                try:
                    here.sendto(b"there", (address, PORT))
                except OSError:  # an answer of the router's: it counts as lost
                    continue

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@contextmanager
def _hosts(folder: Path) -> Iterator[list[str]]:
    """Plug the hosts in, each with an sshd; gives their addresses."""
    addresses = [host.addresses[0] for host in HOSTS]
    key = folder / "twenty-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    kind, public, _ = key.with_suffix(".pub").read_text().split()
    known = KNOWN_HOSTS.read_text() + "".join(f"{address} {kind} {public}\n" for address in addresses)
    (folder / "twenty-hosts").write_text(known)
    (folder / "twenty-config").write_text(
        f"HostKey {key}\nPidFile none\nStrictModes no\nUseDNS no\nUsePAM no\nMaxStartups 100\n"
        f"AuthorizedKeysFile {KEY}.pub\nSetEnv HOME={folder}\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        for number, host in enumerate(HOSTS):
            _plug(number, host)
            daemons.append(_daemon(host, folder / "twenty-config"))
        time.sleep(1.0)
        yield addresses
    finally:
        for host in HOSTS:
            _end(host)
        for daemon in daemons:
            daemon.wait()


def _plug(number: int, host: Node) -> None:
    port = f"twenty{number}"
    _ip(f"netns add {host.namespace}")
    _ip(f"link add {port} netns {BY_NAME['edge'].namespace} type veth peer name eth0 netns {host.namespace}")
    with namespaces.entered(BY_NAME["edge"]):
        _ip(f"link set {port} master br0 up")
    with namespaces.entered(host):
        for line in ("link set lo up", f"addr add {host.addresses[0]}/24 dev eth0", "link set eth0 up"):
            _ip(line)
        _ip("route add default via 203.0.113.1")


def _daemon(host: Node, config: Path) -> subprocess.Popen[bytes]:
    """Serve with this machine's programs and an empty home: what a person has in ~/.bashrc is no part of a host."""
    home = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {Path.home()} && exec "$@"', "sh")
    with namespaces.entered(host):
        return subprocess.Popen([*home, "/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)


def _end(host: Node) -> None:
    found = subprocess.run(["ip", "netns", "pids", host.namespace], capture_output=True, text=True)
    for pid in found.stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", host.namespace], capture_output=True)


def _ip(line: str) -> None:
    subprocess.run(["ip", *line.split()], check=True)

"""Network namespaces: made from the topology, entered, searched for processes, removed."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .failure import LabError
from .state import NAMESPACES
from .topology import NODES, QUIET, WIRES, Node, Wire

CLONE_NEWNET = 0x40000000


def exists(node: Node) -> bool:
    """The namespace is there, and not just the empty file that a reboot may leave."""
    path = NAMESPACES / node.namespace
    return path.exists() and path.stat().st_dev == Path("/proc/self/ns/net").stat().st_dev


def build() -> None:
    """Make every namespace and wire, then give each its addresses and routes."""
    _ip(f"netns add {node.namespace}" for node in NODES)
    for node in NODES:
        with entered(node):
            _sysctl(QUIET)
    _ip(_veth(wire) for wire in WIRES)
    for node in NODES:
        with entered(node):
            _ip(("link set lo up", *node.network))
            _sysctl(node.sysctl)


def renew(node: Node) -> None:
    """Make a node's namespace and wires anew: no rule, route, flow or neighbour of before is left in it."""
    wires = [wire for wire in WIRES if node.name in {wire.left[0], wire.right[0]}]
    with entered(node):
        _ip(f"link delete {port}" for wire in wires for name, port in (wire.left, wire.right) if name == node.name)
    _ip([f"netns delete {node.namespace}", f"netns add {node.namespace}"])
    with entered(node):
        _sysctl(QUIET)
    _ip(_veth(wire) for wire in wires)
    at_ends = {name for wire in wires for name, _ in (wire.left, wire.right)}
    for end in (end for end in NODES if end.name in at_ends):
        with entered(end):
            _ip(("link set lo up", *end.network), force=True)  # most of it is there at the far ends
            _sysctl(end.sysctl)


def remove() -> None:
    """Remove every namespace of the lab, and the directory of namespaces if that leaves it empty."""
    _ip(f"netns delete {node.namespace}" for node in NODES if (NAMESPACES / node.namespace).exists())
    if NAMESPACES.is_dir() and not any(NAMESPACES.iterdir()):
        if f" {NAMESPACES} " in Path("/proc/self/mounts").read_text():  # ip binds it onto itself
            subprocess.run(["umount", NAMESPACES], check=True)
        NAMESPACES.rmdir()


@contextmanager
def entered(node: Node) -> Iterator[None]:
    """The calling thread, with what it starts or opens meanwhile, is in the node's namespace."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    away = os.open(NAMESPACES / node.namespace, os.O_RDONLY)
    try:
        enter(away)
        try:
            yield
        finally:
            enter(home)
    finally:
        os.close(away)
        os.close(home)


def enter(namespace: int) -> None:
    """Move the calling thread to the namespace of this descriptor, for good; raises LabError."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise LabError(f"Cannot enter a namespace: {os.strerror(ctypes.get_errno())}.")


def lay(wire: Wire) -> None:
    """Lay one wire, without addresses."""
    _ip([_veth(wire)])


def processes() -> list[int]:
    """Every process, of this machine's point of view, that lives in one of the lab's namespaces."""
    ours = {(NAMESPACES / node.namespace).stat().st_ino for node in NODES if exists(node)}
    found = []
    for process in Path("/proc").glob("[0-9]*") if ours else ():
        with suppress(OSError):  # it may have ended meanwhile
            if (process / "ns/net").stat().st_ino in ours:
                found.append(int(process.name))
    return found


def set_port(node: Node, interface: str, plugged: bool) -> None:
    """Lower an interface, so that its other end loses carrier, or raise it with all it carried."""
    with entered(node):
        _ip([f"link set {interface} {'up' if plugged else 'down'}"])
        if plugged:  # lowering it took its routes and IPv6 addresses away
            _ip(node.network, force=True)


def _veth(wire: Wire) -> str:
    (left, left_port), (right, right_port) = wire.left, wire.right
    names = {node.name: node.namespace for node in NODES}
    return (
        f"link add {left_port} netns {names[left]} address {_card(left, left_port)} type veth "
        f"peer name {right_port} netns {names[right]} address {_card(right, right_port)}"
    )


def _card(node: str, port: str) -> str:
    """Give a port's link-layer address, the same after a reboot as a card's is; locally administered (RFC 9542)."""
    return f"02:{hashlib.sha256(f'{node} {port}'.encode()).digest()[:5].hex(':')}"


def _ip(commands: Iterable[str], force: bool = False) -> None:
    batch = "\n".join(commands)
    if not batch:
        return
    done = subprocess.run(
        ["ip", *(["-force"] if force else []), "-batch", "-"], input=batch, capture_output=True, text=True
    )
    if done.returncode and not force:
        raise LabError(f"The lab's network could not be set up: {done.stderr.strip()}")


def _sysctl(settings: dict[str, int]) -> None:
    for name, value in settings.items():
        path = Path("/proc/sys", *name.split("."))
        if path.exists() or not name.startswith("net.bridge."):  # which only br_netfilter brings
            path.write_text(str(value))

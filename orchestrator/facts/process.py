"""Processes and listening sockets, from /proc: reported by the host's kernel, without the host's own tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int

_LISTEN = "0A"
"""State of a listening TCP socket in /proc/net/tcp (include/net/tcp_states.h)."""


class ListenerFact(Fact):
    """One listening TCP socket."""

    address: IPv4Address | IPv6Address
    port: int

    @property
    def reachable(self) -> bool:
        """True if the socket listens on more than loopback."""
        return not self.address.is_loopback


@dataclass(frozen=True)
class Listeners(Reader[tuple[ListenerFact, ...]]):
    """Read every listening TCP socket of the host, IPv4 and IPv6 (proc(5), /proc/net/tcp)."""

    def script(self) -> str:
        """Return the script: heading and listening sockets of the two tables."""
        listening = "/^ *[0-9]*: [0-9A-F]*:[0-9A-F]* [0-9A-F]*:[0-9A-F]* 0A /p"
        return (
            "for t in tcp tcp6; do\n"
            f"if [ -e /proc/net/$t ]; then sed -n -e 1p -e '{listening}' /proc/net/$t || exit; fi; done"
        )

    def parse(self, output: Output) -> tuple[ListenerFact, ...]:
        """Decode addresses, printed by the kernel as words in the host's byte order (little-endian assumed)."""
        found: set[tuple[IPv4Address | IPv6Address, int]] = set()
        lines = output.stdout.lines()
        if output.status != 0 or output.truncated or not any("local_address" in line for line in lines):
            raise UnreadableError(f"/proc/net/tcp: {output.stderr.last_line() or 'no complete answer'}")
        for line in lines:
            fields = line.split()
            if len(fields) < 4 or fields[3] != _LISTEN:
                continue
            try:
                address, _, word = fields[1].partition(":")
                if (port := parse_int(word, 4, base=16)) is None:
                    raise ValueError
                found.add((socket_address(address), port))
            except ValueError:
                raise UnreadableError("/proc/net/tcp: a line that is no socket") from None
        return tuple(ListenerFact(address=a, port=p) for a, p in sorted(found, key=lambda f: (f[1], str(f[0]))))


def socket_address(text: str) -> IPv4Address | IPv6Address:
    """Decode an address of /proc/net/tcp; raises ValueError."""
    words = bytes.fromhex(text)
    packed = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


WHOLE = (
    "if ! { read -r c </proc/1/comm; } 2>/dev/null; then\n"
    "echo 'processes of other accounts are hidden from this one (hidepid, proc(5))' >&2; exit 1; fi\n"
)
"""Ends a script if /proc hides processes from the account: init, always running, is invisible."""


def lineage(pid: int, parents: Mapping[int, int]) -> frozenset[int]:
    """Return a process, its ancestors, and init; a circle in what a host says ends the way up.

    >>> sorted(lineage(7, {7: 5, 5: 1}))
    [1, 5, 7]
    """
    found: set[int] = {1}
    while pid and pid not in found:
        found.add(pid)
        pid = parents.get(pid, 0)
    return frozenset(found)


class ProcessFact(Fact):
    """One process."""

    pid: int
    name: str
    """`comm`, at most 15 characters; a process can set any name."""
    exe: str = ""
    """Path of the executable; empty for a kernel thread, or without permission to read."""


@dataclass(frozen=True)
class Processes(Reader[tuple[ProcessFact, ...]]):
    """Read the processes listed by /proc."""

    cap = 4 << 20

    def script(self) -> str:
        """Return the script: `pid NUL comm NUL exe NUL`, with a single fork, of readlink, for each process."""
        return (
            f"{WHOLE}for d in /proc/[0-9]*; do\n"
            'c=; read -r c <"$d/comm" || continue; e=$(readlink "$d/exe") || e=\n'
            'printf "%s\\0%s\\0%s\\0" "${d#/proc/}" "$c" "$e"; done 2>/dev/null'
        )

    def parse(self, output: Output) -> tuple[ProcessFact, ...]:
        """Parse the fields in groups of three."""
        fields = output.stdout.decoded().split("\0")[:-1]
        if output.status != 0 or output.truncated or not fields or len(fields) % 3:
            raise UnreadableError(f"/proc: {output.stderr.last_line() or 'the list of processes is incomplete'}")
        found = []
        for word, name, exe in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
            if (pid := parse_int(word, 10)) is None:
                raise UnreadableError("/proc: a process without a number")
            found.append(ProcessFact(pid=pid, name=name, exe=exe))
        return tuple(found)

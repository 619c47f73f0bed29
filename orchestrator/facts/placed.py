"""Processes with the place of each: service, container, namespaces and TCP sockets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from stopgap.orchestrator.facts.process import WHOLE, ListenerFact, lineage, socket_address
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int

MAIL_PORTS = (25, 465, 587, 2525)
"""SMTP, submission over TLS, submission, and the port that hosting companies offer beside them."""
_STAT = re.compile(r"(\d+) \((.*)\) (\S)((?: -?\d+){19,})", re.DOTALL)
_SOCKET = re.compile(
    r" *\d+: ([0-9A-F]+:[0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) ([0-9A-F]{2}) \S+ \S+ \S+ +\d+ +\d+ (\d+)(?: .*)?"
)
"""State, addresses and inode of a line of /proc/net/tcp (proc(5))."""
_LISTEN = "0A"
SUPERVISES = ("runsv", "supervise", "s6-supervise")
"""Names of processes that each run one service, and start it again: runit's, daemontools', s6's."""
_SUPERVISES = "|".join(f"*'({name})'*" for name in SUPERVISES)
_GROUPS = re.compile("^/(?:unified|freezer)(?=/)")


class Talk(Fact):
    """One connection to a mail port of another host."""

    address: IPv4Address | IPv6Address
    port: int


class PlacedProcess(Fact):
    """One process."""

    pid: int
    name: str
    """Name set by the process."""
    exe: str = ""
    """Path of the executable in the process's own root; empty for a kernel thread, or if unreadable."""
    cwd: str = ""
    """Working directory of a process that supervises a service directory; empty for every other process."""
    parent: int = 0
    started: int = 0
    """Ticks after boot."""
    state: str = "S"
    """One letter of proc(5)."""
    cgroup: str = ""
    """The lines of /proc/PID/cgroup, joined by `;`."""
    mount: int = 0
    """Identity of the mount namespace; 0 if unreadable, as below."""
    network: int = 0
    pids: int = 0
    """Identity of the PID namespace."""
    listens: tuple[ListenerFact, ...] = ()
    """TCP sockets of the process with a listener, in the process's network namespace."""
    talks: tuple[Talk, ...] = ()
    """Connections of the process to mail ports."""


class PlacedFact(Fact):
    """All processes listed by /proc, with the sockets of every network namespace."""

    boot: str = ""
    """Unique id of the boot."""
    reader: int = 0
    """PID of the reading process."""
    processes: tuple[PlacedProcess, ...] = ()
    frozen: tuple[str, ...] = ()
    """Frozen control groups."""

    def named(self, pid: int) -> PlacedProcess | None:
        """Return the process with the PID."""
        return next((process for process in self.processes if process.pid == pid), None)

    def carrying(self) -> frozenset[int]:
        """Return the PIDs of the reader and of its ancestors: the connection, the daemon, and init."""
        return lineage(self.reader, {process.pid: process.parent for process in self.processes})


@dataclass(frozen=True)
class Placed(Reader[PlacedFact]):
    """Read every process with executable, control group, namespaces, listening sockets and talks to mail ports.

    Sockets are read in each network namespace once; a socket belongs to every process with its descriptor.
    """

    cap = 16 << 20
    deadline = 20.0

    def script(self) -> str:
        """Return the script: NUL-ended fields for each process; an empty field; then lines on namespaces and sockets.

        `ls -q` keeps each name on one line, and the patterns take what stands behind the first arrow, so that the
        name of an open file cannot pass for a socket.
        """
        mail = "|".join(f"{port:04X}" for port in MAIL_PORTS).replace("|", "\\|")
        wanted = (
            "-e '/^ *[0-9]*: [0-9A-F]*:[0-9A-F]* [0-9A-F]*:[0-9A-F]* 0A /p' "
            f"-e '/^ *[0-9]*: [0-9A-F]*:[0-9A-F]* [0-9A-F]*:\\({mail}\\) /p'"
        )
        return (
            f"{WHOLE}{{ read -r boot </proc/sys/kernel/random/boot_id\n"
            "read -r me rest </proc/self/stat; } 2>/dev/null\n"
            'printf "%s\\0%s\\0" "$boot" "$me"\n'
            "cd /proc || exit\n"
            "for d in [0-9]*; do\n"
            "s=; read -r s <$d/stat || continue; e=$(readlink $d/exe) || e=\n"
            f"c=; case $s in {_SUPERVISES}) c=$(readlink $d/cwd) ;; esac\n"
            'g=; while read -r l; do g="$g;$l"; done <$d/cgroup\n'
            'printf "%s\\0%s\\0=%s\\0%s\\0" "$s" "${e% (deleted)}" "${g#;}" "$c"; done 2>/dev/null\n'
            'printf "\\0"\n'
            "ls -lq [0-9]*/ns/mnt [0-9]*/ns/net [0-9]*/ns/pid 2>/dev/null |\n"
            "sed -n 's|^[^>]* \\([0-9]*\\)/ns/\\([a-z]*\\) -> [a-z]*:\\[\\([0-9]*\\)\\]$|ns \\2 \\1 \\3|p' | {\n"
            "seen=' '\nwhile read -r w k p i; do echo \"$w $k $p $i\"\n"
            '[ "$k" = net ] || continue\ncase $seen in *" $i "*) continue ;; esac\n'
            'seen="$seen$i "; echo "in $i"\n'
            f"sed -n {wanted} $p/net/tcp $p/net/tcp6 2>/dev/null\ndone\n"
            # Without permission to look at namespaces there is one, the reader's own.
            f'[ "$seen" != " " ] || {{ echo "in 0"; sed -n {wanted} net/tcp net/tcp6 2>/dev/null; }}; }}\n'
            "ls -lq [0-9]*/fd 2>/dev/null |\n"
            "sed -n -e 's|^\\([0-9]*\\)/fd:$|fd \\1|p' "
            "-e 's|^[^>]* -> socket:\\[\\([0-9]*\\)\\]$|so \\1|p'\n"
            "{ find /sys/fs/cgroup -name cgroup.freeze -exec grep -lx 1 {} +\n"
            "find /sys/fs/cgroup/freezer -name freezer.state -exec grep -lx FROZEN {} +; } 2>/dev/null |\n"
            "sed -n 's|^/sys/fs/cgroup\\(.*\\)/[a-z]*\\.[a-z]*$|fz \\1|p'\necho end"
        )

    def parse(self, output: Output) -> PlacedFact:
        """Parse the fields in groups of four, up to an empty one, then the lines; raises UnreadableError."""
        fields = output.stdout.decoded().split("\0")
        place = next((n for n in range(2, len(fields), 4) if not fields[n]), 0)
        lines = "".join(fields[place + 1 :]).removesuffix("\n").split("\n")
        reader = parse_int(fields[1]) if len(fields) > 1 else None
        if output.status != 0 or output.truncated or not place or reader is None or lines[-1] != "end":
            raise UnreadableError(f"/proc: {output.stderr.last_line() or 'the list of processes is incomplete'}")
        spaces, listeners, talks, held = _places(lines)
        groups = zip(*(fields[first:place:4] for first in range(2, 6)), strict=True)
        found = []
        for stat, exe, cgroup, cwd in groups:
            match = _STAT.match(stat)
            numbers = [parse_int(word, signed=True) for word in match[4].split()] if match else []
            pid = parse_int(match[1]) if match else None
            if not match or pid is None or None in numbers:
                raise UnreadableError("/proc: a process without a number")
            found.append(
                PlacedProcess(
                    pid=pid,
                    name=match[2],
                    exe=exe,
                    cwd=cwd,
                    parent=numbers[0] or 0,
                    state=match[3],
                    started=numbers[18] or 0,
                    cgroup=cgroup.removeprefix("="),
                    mount=spaces.get(("mnt", pid), 0),
                    network=spaces.get(("net", pid), 0),
                    pids=spaces.get(("pid", pid), 0),
                    listens=_sorted(listeners[inode] for inode in held.get(pid, ()) if inode in listeners),
                    talks=tuple(dict.fromkeys(talks[inode] for inode in held.get(pid, ()) if inode in talks)),
                )
            )
        frozen = tuple(_GROUPS.sub("", line[3:]) for line in lines if line.startswith("fz /"))
        return PlacedFact(boot=fields[0], reader=reader, processes=tuple(found), frozen=frozen)


def _places(
    lines: list[str],
) -> tuple[Mapping[tuple[str, int], int], Mapping[int, ListenerFact], Mapping[int, Talk], Mapping[int, list[int]]]:
    """Return namespaces by kind and PID, listeners and talks by inode, and inodes by PID."""
    spaces: dict[tuple[str, int], int] = {}
    listeners: dict[int, ListenerFact] = {}
    talks: dict[int, Talk] = {}
    held: dict[int, list[int]] = {}
    pid = 0
    for line in lines:
        word, _, rest = line.partition(" ")
        numbers = [number for part in rest.split() if (number := parse_int(part)) is not None]
        if word == "ns" and len(numbers) == 2:
            spaces[rest.split(" ")[0], numbers[0]] = numbers[1]
        elif word == "fd" and len(numbers) == 1:
            pid = numbers[0]
        elif word == "so" and len(numbers) == 1:
            held.setdefault(pid, []).append(numbers[0])
        elif match := _SOCKET.fullmatch(line):
            inode = parse_int(match[4]) or 0
            (here, port), (there, far) = _end(match[1]), _end(match[2])
            if match[3] == _LISTEN:
                listeners[inode] = ListenerFact(address=here, port=port)
            elif far in MAIL_PORTS:
                talks[inode] = Talk(address=there, port=far)
    return spaces, listeners, talks, held


def _end(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    address, _, port = text.partition(":")
    try:
        return socket_address(address), int(port, 16)
    except ValueError:
        raise UnreadableError("/proc/net/tcp: a line that is no socket") from None


def _sorted(found: Iterator[ListenerFact]) -> tuple[ListenerFact, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (each.port, str(each.address))))

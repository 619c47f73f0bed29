"""Processes in /proc, in ps, and in other views of the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Place, Row, table
from stopgap.orchestrator.findings.tables.body import entries
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.hostnumber import parse_decimal, parse_int
from stopgap.orchestrator.text import tr

ARGUMENTS = 4096
"""Characters of a command line, and of a path, that are kept."""
_NAME = 256
"""Characters of a process's name: the kernel tells 15, and 63 of its own threads (proc(5), comm)."""
_PID_DIGITS = 9
_NUMBER_DIGITS = 11
_KERNEL_THREAD = 0x00200000
"""PF_KTHREAD of the flags in /proc/PID/stat (proc(5); include/linux/sched.h)."""
_HZ = 100
"""Ticks a second in which the kernel tells a process's start, whatever its own (USER_HZ; time(7))."""
_FILE = re.compile(r"/proc/([0-9]{1,9})/(\w+)(?:/([^:]*))?:(.*)", re.DOTALL)
_LINK = re.compile(r"/proc/([0-9]{1,9})/(exe|cwd|root|fd/[0-9]{1,9}|ns/[a-z]{1,8})")
_INET = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07", "raw": "07", "raw6": "07"}
"""State of a socket that waits for anybody (include/net/tcp_states.h)."""
_WAITS = "00010000"
"""Flags of a local socket that takes connections (include/linux/net.h, __SO_ACCEPTCON)."""
_HIDDEN_SOCKET = re.compile(
    r"/(?!tmp/\.(?:X11|ICE|font|XIM|Test)-unix/|(?:home/[^/]+|root|run/user)/)(?:[^/]+/)*\.[^/.][^/]*(?:/|$)"
)
_MOST_SPACES = 16
_MOST_KINDS = 64
_SPACE = re.compile(r"^[a-z_]{1,20}:\[|\]$|\s")
"""Around the number of a namespace (namespaces(7))."""
_SOCKET = re.compile(r"socket:\[([0-9]{1,20})\]")


@dataclass(slots=True)
class _Process:
    line: int = 0
    name: str = ""
    parent: int = 0
    kernel: bool = False
    ticks: int = 0
    uid: int = -1
    tracer: int = 0
    arguments: str = ""
    first: str = ""
    nameless: bool = False
    program: str = ""
    folder: str = ""
    input: str = ""
    root: str = ""
    sockets: int = 0
    kinds: set[str] = field(default_factory=set)
    """Of its sockets: `packet`, `raw`, or the port that it listens on."""
    streams: int = 0
    """Bit 0, 1 and 2 for standard input, output and errors that are connections over TCP."""
    spaces: dict[str, str] = field(default_factory=dict)
    """Kind of namespace → its number."""


@table(
    "processes",
    reads="processes process-links",
    also="process-arguments sockets clock",
    fields={
        "pid": "its number",
        "parent": "its parent's number",
        "name": "what it calls itself (comm)",
        "kernel": "a thread of the kernel, by the kernel's own mark",
        "uid": "whose it is",
        "tracer": "the process that traces it, or 0",
        "arguments": "its command line, parted by blanks",
        "program": "the file that it runs; empty where the link could not be read",
        "gone": "that file was deleted, or never had a name",
        "memory": "that file lives in memory alone (memfd)",
        "folder": "where it stands",
        "sockets": "its sockets that are neither local ones nor netlink's: network, or closed meanwhile",
        "first": "the first word of its command line",
        "nameless": "that word is empty, and others follow",
        "packet": "it gets a copy of packets (packet(7))",
        "raw": "it has a raw socket (raw(7))",
        "listens": "the ports that it listens on, such as `tcp 22`",
        "remote": "its standard input and output are a connection over TCP",
        "apart": "the namespaces that it does not share with process 1, each as `kind:number`",
        "root": "the directory that it sees as its root",
        "input": "the file that is its standard input; empty for a socket",
    },
)
def processes(collected: CollectionReader) -> Iterator[Row]:
    """Processes in /proc, each with the executable."""
    found = _from_proc(collected)
    _add_arguments(collected, found)
    _add_links(collected, found)
    boot = _boot(collected)
    first = found[1].spaces if 1 in found else {}
    for pid, process in found.items():
        gone = process.program.endswith(" (deleted)")
        yield Row(
            {
                "pid": pid,
                "parent": process.parent,
                "name": process.name,
                "kernel": process.kernel,
                "uid": process.uid,
                "tracer": process.tracer,
                "arguments": process.arguments,
                "program": process.program.removesuffix(" (deleted)"),
                "gone": gone,
                "memory": process.program.startswith("/memfd:"),
                "folder": process.folder,
                "sockets": process.sockets,
                "first": process.first,
                "nameless": process.nameless and bool(process.arguments),
                "packet": "packet" in process.kinds,
                "raw": "raw" in process.kinds,
                "listens": ", ".join(sorted(process.kinds - {"packet", "raw"})),
                "remote": process.streams & 3 == 3,
                "apart": " ".join(
                    sorted(f"{kind}:{at}" for kind, at in process.spaces.items() if first.get(kind, at) != at)
                ),
                "root": process.root,
                "input": process.input,
            },
            Place("processes", process.line),
            boot + process.ticks / _HZ if boot and process.ticks else 0.0,
        )


def _from_proc(collected: CollectionReader) -> dict[int, _Process]:
    found: dict[int, _Process] = {}
    for number, text in collected.lines("processes"):
        match = _FILE.match(text)
        pid = parse_int(match[1], _PID_DIGITS) if match else None
        if not match or pid is None or (pid not in found and not collected.meter.hold("processes")):
            continue
        file, value = match[2], match[4]
        process = found.setdefault(pid, _Process(number))
        if file == "stat":
            process.name = _kept(collected, value.partition("(")[2].rpartition(")")[0][:_NAME])
            fields = value.rpartition(")")[2].split(None, 20)
            parent, flags = (parse_int(field) for field in fields[1:7:5]) if len(fields) > 6 else (None, None)
            if parent is not None and flags is not None:
                process.parent = parent
                process.kernel = bool(flags & _KERNEL_THREAD)
                process.ticks = (parse_int(fields[19]) or 0) if len(fields) > 19 else 0
        elif file == "status":
            key, _, rest = value.partition(":")
            first = next(iter(rest.split(None, 1)), "")
            if (number_ := parse_int(first, _NUMBER_DIGITS)) is not None:
                if key == "Uid":
                    process.uid = number_
                elif key == "TracerPid":
                    process.tracer = number_
    if not found and (item := collected.item("processes")) and item.file and not item.encrypted:
        collected.meter.damage(tr("processes: it lists no process, and no host is without one"))
    return found


def _kept(collected: CollectionReader, text: str) -> str:
    """Return a text to keep with a process; empty without room."""
    return text if collected.meter.hold("names and paths of processes", text) else ""


def _boot(collected: CollectionReader) -> float:
    """Return the boot time by the host's clock, in seconds since the epoch; 0 if unknown."""
    for _, text in collected.lines("clock"):
        path, _, rest = text.partition(":")
        if path == "/proc/uptime" and (uptime := parse_decimal(rest.partition(" ")[0])) is not None:
            return max(0.0, collected_at(collected) - uptime)
    return 0.0


def _add_arguments(collected: CollectionReader, found: dict[int, _Process]) -> None:
    own = collected.trace("process-arguments")
    for _, text in collected.lines("process-arguments"):
        if own and own in text:
            continue
        match = _FILE.match(text)
        process = found.get(parse_int(match[1], _PID_DIGITS) or -1) if match else None
        if match and process and not process.arguments and not match[4]:
            process.nameless = True
        elif match and process and len(process.arguments) < ARGUMENTS:
            added = match[4][: ARGUMENTS - len(process.arguments)]
            if collected.meter.hold("arguments of processes", added):
                process.first = process.first or added[:_NAME]
                process.arguments = f"{process.arguments} {added}".lstrip()[:ARGUMENTS]


def _add_links(collected: CollectionReader, found: dict[int, _Process]) -> None:
    local = _local_sockets(collected)
    network = network_sockets(collected)
    hidden = _hidden_sockets(collected)
    for entry in entries(collected, "process-links"):
        match = _LINK.fullmatch(entry.name)
        process = found.get(parse_int(match[1], _PID_DIGITS) or -1) if match else None
        if not match or not process:
            continue
        if match[2] == "exe":
            process.program = _kept(collected, _path(entry.target))
        elif match[2] == "cwd":
            process.folder = _kept(collected, _path(entry.target))
        elif match[2] == "root":
            process.root = _kept(collected, _path(entry.target))
        elif match[2].startswith("ns/"):
            if len(process.spaces) < _MOST_SPACES:
                process.spaces[match[2][3:]] = _SPACE.sub("", entry.target)[:24]
        elif socket := _SOCKET.fullmatch(entry.target):
            process.sockets += socket[1] not in local
            kind = network.get(socket[1], "") or hidden.get(socket[1], "")
            if kind == "tcp" and match[2] in {"fd/0", "fd/1", "fd/2"}:
                process.streams |= 1 << int(match[2][3:])
            elif kind not in {"", "tcp"} and len(process.kinds) < _MOST_KINDS:
                process.kinds.add(kind)
        elif match[2] == "fd/0":
            process.input = _kept(collected, _path(entry.target))


def _local_sockets(collected: CollectionReader) -> set[str]:
    found: set[str] = set()
    for _, text in collected.lines("sockets"):
        path, _, rest = text.partition(":")
        fields = rest.split()
        inode = ""
        if path.endswith("/unix") and len(fields) > 6:
            inode = fields[6]
        elif path.endswith(("/netlink", "/packet")) and fields:
            inode = fields[-1]
        if inode and parse_int(inode) is not None and inode not in found and collected.meter.hold("sockets", inode):
            found.add(inode)
    return found


def _hidden_sockets(collected: CollectionReader) -> dict[str, str]:
    """Return the local sockets that wait for somebody behind a hidden name among the system's, by number."""
    found: dict[str, str] = {}
    for _, text in collected.lines("sockets"):
        path, _, rest = text.partition(":")
        fields = rest.split(None, 7)
        if (
            not path.endswith("/unix")
            or len(fields) < 8
            or fields[3] != _WAITS
            or not _HIDDEN_SOCKET.match(fields[7])
        ):
            continue
        if parse_int(fields[6]) and collected.meter.hold("sockets", fields[7]):
            found[fields[6]] = f"unix {fields[7][:_NAME]}"
    return found


def network_sockets(collected: CollectionReader) -> dict[str, str]:
    """Return the kind of each network socket by its number: `packet`, `raw`, `tcp`, or what it listens on."""
    found: dict[str, str] = {}
    for _, text in collected.lines("sockets"):
        path, _, rest = text.partition(":")
        family = path.rpartition("/")[2]
        fields = rest.split()
        inode = kind = ""
        if family == "packet" and len(fields) > 8:
            inode, kind = fields[8], "packet"
        elif family in _INET and len(fields) > 9:
            inode, kind = fields[9], _kind_of(family, fields)
        if kind and parse_int(inode) and collected.meter.hold("sockets", inode):
            found[inode] = kind
    return found


def _kind_of(family: str, fields: list[str]) -> str:
    """Return what a line of /proc/net/tcp and its like says of a socket (proc(5))."""
    name = family.removesuffix("6")
    if name == "raw":
        return "raw"
    port = parse_int(fields[1].rpartition(":")[2], 4, base=16)
    waits = fields[3] == _INET[family] and fields[2].endswith(":0000")
    if waits and port:
        return f"{name} {port}"
    return "tcp" if name == "tcp" else ""


def _path(target: str) -> str:
    """Return a link's target, shortened to the maximum length; a final ` (deleted)` by the kernel stays."""
    gone = " (deleted)" if target.endswith(" (deleted)") else ""
    return target if len(target) <= ARGUMENTS else target[: ARGUMENTS - len(gone)] + gone

"""Mail servers as found on a host: by executable, or by a listening socket on a mail port, each with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stopgap.orchestrator.facts import MAIL_PORTS, PlacedFact, PlacedProcess
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.host.carriers import FORWARDERS
from stopgap.tasks.host.place import Place, place_of
from stopgap.tasks.mta.server import MailServer
from stopgap.tasks.mta.servers import servers

SUPER_SERVERS = ("inetd", "openbsd-inetd", "inetutils-inetd", "xinetd", "rlinetd")
_OTHER_DAEMONS = ("dovecot",)
"""Programs with mail ports among others, and a driver of their own."""
_MANY = ("busybox", "toybox")
_RECEIVES, _SUBMITS = (25, 2525), (465, 587)


@dataclass(frozen=True)
class Located:
    """The processes of one mail server in one place."""

    server: MailServer[Any, Any] | None
    """None: a program that Stopgap does not know, with a mail port."""
    place: Place
    processes: tuple[PlacedProcess, ...] = field(compare=False)

    def but(self, others: Collection[int]) -> Located | None:
        """Return the server without some processes, by PID; None if no process is left."""
        left = tuple(process for process in self.processes if process.pid not in others)
        return replace(self, processes=left) if left else None

    @property
    def name(self) -> str:
        """Name of the server, or of the program."""
        first = self.processes[0]
        return self.server.name if self.server else first.exe.rpartition("/")[2] or first.name

    @property
    def ports(self) -> tuple[int, ...]:
        """TCP ports with a listener, in ascending order."""
        return tuple(sorted({listener.port for process in self.processes for listener in process.listens}))

    @property
    def role(self) -> str:
        """What the ports are for: mail of other servers, submission by users, or sending alone."""
        every = [listener for process in self.processes for listener in process.listens]
        outer = {listener.port for listener in every if listener.reachable}
        receives = [str(port) for port in _RECEIVES if port in outer]
        submits = [str(port) for port in _SUBMITS if port in outer]
        inner = [str(port) for port in self.ports if port in MAIL_PORTS and port not in outer]
        words = [
            *([tr("receives mail on {receives}", receives=" and ".join(receives))] if receives else []),
            *([tr("takes submissions on {submits}", submits=" and ".join(submits))] if submits else []),
            *([tr("takes mail of this host's programs on {inner}", inner=" and ".join(inner))] if inner else []),
        ]
        return joined(", ", words) or tr("only sends")


def located(facts: PlacedFact) -> tuple[Located, ...]:
    """Return the mail servers that run, by place; super-servers, forwarders of runtimes and init are left out."""
    found: dict[tuple[str, Place], list[PlacedProcess]] = {}
    for process in facts.processes:
        server = next((each for each in servers() if each.owns(process)), None)
        if server is None and not _is_unknown_server(process):
            continue
        key = server.key if server else process.exe or process.name
        found.setdefault((key, place_of(process, facts)), []).append(process)
    known = {server.key: server for server in servers()}
    return tuple(Located(known.get(key), place, tuple(each)) for (key, place), each in found.items())


def holders(facts: PlacedFact, names: Sequence[str]) -> Iterator[PlacedProcess]:
    """Yield the processes of programs with one of the names that listen on a mail port."""
    for process in facts.processes:
        if _basename(process) in names and mail_ports(process):
            yield process


def at_place(process: PlacedProcess, facts: PlacedFact) -> Located:
    """Return a process of a program that is no mail server, as one."""
    return Located(None, place_of(process, facts), (process,))


def super_servers(facts: PlacedFact) -> Iterator[PlacedProcess]:
    """Yield a process of each super-server that runs, one with mail ports first."""
    found = sorted((p for p in facts.processes if _basename(p) in SUPER_SERVERS), key=lambda p: not mail_ports(p))
    yield from {process.name: process for process in reversed(found)}.values()


def mail_ports(process: PlacedProcess) -> tuple[int, ...]:
    """Return the mail ports on which the process listens."""
    return tuple(sorted({listener.port for listener in process.listens} & set(MAIL_PORTS)))


def _is_unknown_server(process: PlacedProcess) -> bool:
    apart = (*FORWARDERS, *SUPER_SERVERS, *_OTHER_DAEMONS)
    return process.pid != 1 and bool(mail_ports(process)) and _basename(process) not in apart


def _basename(process: PlacedProcess) -> str:
    """Return the program's name; of a program that is many, such as busybox, the name that it runs by."""
    name = process.exe.rpartition("/")[2]
    return process.name if not name or name in _MANY else name

"""Packets sent by one host on request, and their arrival at another host.

An unguessable token begins each datagram, to identify the datagram after source address translation; a connection is
identified by its port, a free port chosen by the listening host.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar, Literal, TypeAlias, get_args

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import quote

PacketKind: TypeAlias = Literal["udp4", "udp6", "tcp4", "tcp6"]
"""A UDP datagram, or the first packet of a TCP connection, of the IP version."""
LISTENED = 15
"""Seconds until a host stops listening, unless stopped before."""
HELD = 1.3
"""Seconds of holding connections open: the first packet is repeated after a second (RFC 6298)."""
_KINDS = frozenset(get_args(PacketKind))
_MANY = 64
"""Most lines of arrivals read."""


class Arrival(Fact):
    """One received packet."""

    kind: PacketKind
    source: IPv4Address | IPv6Address
    """The source address at the listening host."""
    claimed: IPv4Address | IPv6Address | None = None
    """The source address according to the sender; `None` for TCP."""


class ListeningFact(Fact):
    """The listening sockets of a host, and the packets received."""

    ports: dict[PacketKind, int] = {}
    arrivals: tuple[Arrival, ...] = ()


@dataclass(frozen=True)
class Listen(Reader[ListeningFact]):
    """Listen on a free UDP and a free TCP port of each IP version, until stopped or for LISTENED seconds.

    Nothing is written on the host, and the ports are free again at the end of the script. Requires python3.
    """

    token: str
    """Letters and digits."""
    wire: bool = True
    """As root, capture packets ahead of the host's own firewall too."""
    deadline: ClassVar[float] = LISTENED + 2.0
    cap: ClassVar[int] = 64 << 10

    def script(self) -> str:
        """Return the script: print ports, then `ready`, then a line for each arrival."""
        words = f"{quote(self.token)} {LISTENED}" + (" wire" if self.wire else "")
        return (
            "if command -v python3 >/dev/null; then\n"
            f"exec python3 -c {quote(_program('listen'))} {words}\n"
            "else exit 127; fi"
        )

    @staticmethod
    def ready(stdout: bytes) -> bool:
        """Return True if the output so far shows a listening host."""
        return b"\nready\n" in stdout

    def parse(self, output: Output) -> ListeningFact:
        """Parse the lines; unknown lines are skipped."""
        if output.status == 127:
            raise UnreadableError("python3 is not installed there to listen with")
        if not self.ready(output.stdout.raw):
            raise UnreadableError(output.stderr.last_line() or "it could not listen")
        lines = [line.split() for line in output.stdout.lines()]
        ports: dict[PacketKind, int] = {}
        for words in lines:
            if words[:1] == ["listening"] and len(words) == 3 and words[1] in _KINDS:
                port = parse_int(words[2], 5)
                ports |= {words[1]: port} if port else {}  # type: ignore[dict-item]
        arrived = [words[1:] for words in lines if words[:1] == ["arrived"] and len(words) == 4]
        return ListeningFact(ports=ports, arrivals=tuple(a for w in arrived[:_MANY] if (a := _arrival(*w))))


class SentFact(Fact):
    """The packets sent, as reported by the host."""

    sent: tuple[tuple[PacketKind, IPv4Address | IPv6Address | None], ...] = ()
    """Kind and source address, as far as known to the sending host."""


@dataclass(frozen=True)
class Send(Reader[SentFact]):
    """Send a datagram and the first packet of a connection to each socket, from every address of the host.

    Without python3 the fallback is bash, from the default address only. Nothing is changed on the host.
    """

    token: str
    sockets: tuple[tuple[PacketKind, IPv4Address | IPv6Address, int], ...]
    cap: ClassVar[int] = 64 << 10

    def script(self) -> str:
        """Return the script: print a line for each sent packet."""
        words = " ".join(f"{kind} {quote(str(address))} {int(port)}" for kind, address, port in self.sockets)
        return (
            "own=$(ip -o addr show scope global 2>/dev/null |"
            " sed -n 's/^.* inet6\\{0,1\\} \\([0-9a-f.:]*\\)[ /].*$/\\1/p')\n"
            "if command -v python3 >/dev/null; then\n"
            f"exec python3 -c {quote(_program('send'))} {quote(self.token)} {HELD} {words} from $own; fi\n"
            "command -v bash >/dev/null && command -v timeout >/dev/null || exit 127\n"
            'send() { case $1 in udp*) timeout 1 bash -c "printf %s $4 >/dev/udp/$2/$3";;'
            f' *) timeout {HELD} bash -c "exec 3<>/dev/tcp/$2/$3";; esac; echo "sent $1 -"; }}\n'
            f"set -- {words}\n"
            f'while [ $# -ge 3 ]; do send "$1" "$2" "$3" {quote(self.token)} & shift 3; done; wait'
        )

    def parse(self, output: Output) -> SentFact:
        """Parse the lines."""
        if output.status == 127:
            raise UnreadableError("neither python3 nor bash is there to send with")
        lines = [line.split() for line in output.stdout.lines()]
        sent = [words[1:] for words in lines if words[:1] == ["sent"] and len(words) == 3 and words[1] in _KINDS]
        if not sent:
            raise UnreadableError(output.stderr.last_line() or "nothing could be sent")
        return SentFact.model_validate({"sent": [(kind, _address(source)) for kind, source in sent[:_MANY]]})


@cache
def _program(name: str) -> str:
    return (files("stopgap.orchestrator.facts.carried") / f"{name}.py").read_text("utf-8")


def _arrival(kind: str, source: str, claimed: str) -> Arrival | None:
    address = _address(source)
    if kind not in _KINDS or address is None:
        return None
    return Arrival.model_validate({"kind": kind, "source": address, "claimed": _address(claimed)})


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None

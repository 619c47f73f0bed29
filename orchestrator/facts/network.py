"""Answers of the network to a host's probes, and the source address of the operator."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import quote


@dataclass(frozen=True)
class SshOrigin(Reader[IPv4Address | IPv6Address | None]):
    """Read the source address of the operator's connection (ssh(1), SSH_CONNECTION); `None` for a local session."""

    def script(self) -> str:
        """Return the script: print the first word; under sudo, read the variable of an ancestor process."""
        return (
            "o=$SSH_CONNECTION p=$$\n"
            'for _ in 1 2 3 4 5 6; do if [ -n "$o" ] || [ "${p:-0}" -le 1 ]; then break; fi\n'
            "o=$(tr '\\0' '\\n' 2>/dev/null </proc/$p/environ | sed -n 's/^SSH_CONNECTION=//p')\n"
            "p=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$p/status 2>/dev/null); done\n"
            'echo "${o%% *}"'
        )

    def parse(self, output: Output) -> IPv4Address | IPv6Address | None:
        """Parse an address; an IPv4-mapped IPv6 address becomes IPv4."""
        text = output.stdout.decoded().strip()
        if not text:
            return None
        try:
            address = ip_address(text)
        except ValueError:
            raise UnreadableError("SSH_CONNECTION does not begin with an address") from None
        return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class ConnectFact(Fact):
    """The outcome of one attempt at a TCP connection."""

    outcome: Literal["open", "refused", "silent", "no-tool"]
    """`silent`: neither accepted nor refused before the timeout, or unreachable."""


_CONNECT_IN_PYTHON = """
import socket, sys, threading
def knock(n, address, port):
    try: socket.create_connection((address, int(port)), float(sys.argv[1])).close()
    except ConnectionRefusedError: said = "refused"
    except OSError: said = "silent"
    else: said = "open"
    sys.stdout.write("%d %s\\n" % (n, said))
for n in range(len(sys.argv) // 2 - 1):
    threading.Thread(target=knock, args=(n, *sys.argv[2 + 2 * n : 4 + 2 * n])).start()
"""


@dataclass(frozen=True)
class TcpConnects(Reader[tuple[ConnectFact, ...]]):
    """Open a TCP connection to each of several sockets in parallel, and close the connection without sending data."""

    sockets: tuple[tuple[IPv4Address | IPv6Address, int], ...]
    timeout: int = 2
    """Seconds."""

    def script(self) -> str:
        """Return the script: use python3, nc or bash, as available; print `number outcome` lines."""
        words = " ".join(f"{quote(str(address))} {int(port)}" for address, port in self.sockets)
        port_probes = "\n".join(
            f"knock {n} {quote(str(address))} {int(port)} &" for n, (address, port) in enumerate(self.sockets)
        )
        return (
            f"t={int(self.timeout)}\n"
            f"if command -v python3 >/dev/null; then exec python3 -c {quote(_CONNECT_IN_PYTHON)} $t {words}; fi\n"
            "if command -v nc >/dev/null; then open() { nc -z -v -n -w $t $1 $2 2>&1; }\n"
            "elif command -v bash >/dev/null && command -v timeout >/dev/null; then\n"
            'open() { timeout $t bash -c "exec 3<>/dev/tcp/$1/$2" 2>&1; }\n'
            "else exit 127; fi\n"
            'knock() { if said=$(open $2 $3); then echo "$1 open"; else\n'
            'case $said in *efused*) echo "$1 refused";; *) echo "$1 silent";; esac; fi; }\n'
            f"{port_probes}\nwait"
        )

    def parse(self, output: Output) -> tuple[ConnectFact, ...]:
        """Parse the lines, one for each socket."""
        if output.status == 127:
            return tuple(ConnectFact(outcome="no-tool") for _ in self.sockets)
        said = dict(line.split(" ", 1) for line in output.stdout.lines() if " " in line)
        outcomes = [said.get(str(n), "") for n in range(len(self.sockets))]
        if not all(outcome in {"open", "refused", "silent"} for outcome in outcomes):
            raise UnreadableError("the attempt to connect gave no result")
        return tuple(ConnectFact.model_validate({"outcome": outcome}) for outcome in outcomes)


@dataclass(frozen=True)
class TcpConnect(Reader[ConnectFact]):
    """Open one TCP connection; several probes at one vantage are joined into one TcpConnects."""

    address: IPv4Address | IPv6Address
    port: int

    def script(self) -> str:
        """Return the script of a single probe."""
        return TcpConnects(((self.address, self.port),)).script()

    def parse(self, output: Output) -> ConnectFact:
        """Parse the single line."""
        return TcpConnects(((self.address, self.port),)).parse(output)[0]


class HttpFact(Fact):
    """The answer of a web server."""

    status: int
    """0 without an answer."""
    headers: dict[str, str] = {}
    """Names in lower case."""
    body: str = ""
    """The first 64 KiB."""


@dataclass(frozen=True)
class HttpGet(Reader[HttpFact]):
    """Request one page over HTTP from the vantage; redirects are not followed."""

    address: IPv4Address | IPv6Address
    path: str = "/"
    host: str | None = None
    """The Host header; default: the address."""
    tls: bool = False
    """By https; the certificate is not verified, since the page is asked for by address."""
    timeout: int = 3
    cap = 128 << 10

    @property
    def url(self) -> str:
        """The URL as typed by a person."""
        literal = f"[{self.address}]" if isinstance(self.address, IPv6Address) else str(self.address)
        return f"{'https' if self.tls else 'http'}://{literal}{self.path}"

    def script(self) -> str:
        """Return the script: use curl, python3 or wget, as available; print status line, headers and body."""
        url, seconds = quote(self.url), int(self.timeout)
        header = f" -H {quote(f'Host: {self.host}')}" if self.host else ""
        wget = f" --header={quote(f'Host: {self.host}')}" if self.host else ""
        python = (
            "import sys,http.client,ssl\n"
            "s=len(sys.argv)>5 and ssl._create_unverified_context()\n"
            "c=http.client.HTTPSConnection(sys.argv[1],443,timeout=float(sys.argv[4]),context=s) if s else"
            " http.client.HTTPConnection(sys.argv[1],80,timeout=float(sys.argv[4]))\n"
            "h={'Host':sys.argv[3]} if sys.argv[3] else {}\n"
            "try: c.request('GET',sys.argv[2],headers=h);r=c.getresponse()\n"
            "except OSError: sys.exit(0)\n"
            "print('HTTP/1.1',r.status);[print(k+': '+v) for k,v in r.getheaders()];print()\n"
            "sys.stdout.flush();sys.stdout.buffer.write(r.read(65536))"
        )
        tls = " tls" if self.tls else ""
        unverified = " --no-check-certificate" if self.tls else ""
        arguments = f"{quote(str(self.address))} {quote(self.path)} {quote(self.host or '')} {seconds}{tls}"
        return (
            f"if command -v curl >/dev/null; then curl -g -s -k -i -m {seconds}{header} {url}\n"
            f"elif command -v python3 >/dev/null; then python3 -c {quote(python)} {arguments}\n"
            f"elif command -v wget >/dev/null; then wget -q -S{unverified} -O - -T {seconds} -t 1{wget} {url} 2>&1\n"
            "else exit 127; fi; true"
        )

    def parse(self, output: Output) -> HttpFact:
        """Split headers from body; an empty output is status 0."""
        if output.status == 127:
            raise UnreadableError("neither curl nor python3 nor wget to ask with")
        head, _, body = output.stdout.decoded().replace("\r\n", "\n").partition("\n\n")
        first, *rest = head.split("\n")
        words = first.split()
        if not words:
            return HttpFact(status=0)
        status = parse_int(words[1], 3) if len(words) > 1 else None
        if status is None:
            raise UnreadableError("the answer is not HTTP")
        headers = {k.strip().lower(): v.strip() for k, c, v in (line.partition(":") for line in rest) if c}
        return HttpFact(status=status, headers=headers, body=body[:65536])

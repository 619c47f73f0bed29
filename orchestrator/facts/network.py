"""What the network answers, seen from the host that asks; and from where the operator comes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from orchestrator.shell import quote


@dataclass(frozen=True)
class SshOrigin(Reader[IPv4Address | IPv6Address | None]):
    """Read from which address the operator's connection comes (ssh(1), SSH_CONNECTION); None when it is local."""

    def script(self) -> str:
        """Print the first word."""
        return 'echo "${SSH_CONNECTION%% *}"'

    def parse(self, output: Output) -> IPv4Address | IPv6Address | None:
        """Read an address; IPv4 mapped into IPv6 becomes IPv4."""
        text = output.stdout.decoded().strip()
        if not text:
            return None
        try:
            address = ip_address(text)
        except ValueError:
            raise UnreadableError("SSH_CONNECTION does not begin with an address") from None
        return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class ConnectFact(Fact):
    """What came of one attempt to open a TCP connection."""

    outcome: Literal["open", "refused", "silent", "no-tool"]
    """`silent`: neither accepted nor refused in time, or unreachable."""


@dataclass(frozen=True)
class TcpConnect(Reader[ConnectFact]):
    """Open a TCP connection from the host that runs this, and close it; nothing is sent."""

    address: IPv4Address | IPv6Address
    port: int
    timeout: int = 2
    """Seconds."""

    def script(self) -> str:
        """Use whichever of python3, nc or bash there is."""
        address, port, seconds = quote(str(self.address)), int(self.port), int(self.timeout)
        python = (
            "import socket,sys\n"
            "try: socket.create_connection((sys.argv[1],int(sys.argv[2])),float(sys.argv[3])).close()\n"
            'except ConnectionRefusedError: print("refused")\n'
            'except OSError: print("silent")\n'
            'else: print("open")'
        )
        return (
            f"if command -v python3 >/dev/null; then python3 -c {quote(python)} {address} {port} {seconds}\n"
            f"elif command -v nc >/dev/null; then\n"
            f"t=$(nc -z -v -n -w {seconds} {address} {port} 2>&1) && echo open || case $t in\n"
            "*refused*) echo refused;; *) echo silent;; esac\n"
            "elif command -v bash >/dev/null && command -v timeout >/dev/null; then\n"
            f"t=$(timeout {seconds} bash -c 'exec 3<>/dev/tcp/'{address}'/{port}' 2>&1) && echo open || case $t in\n"
            "*efused*) echo refused;; *) echo silent;; esac\n"
            "else echo no-tool; fi"
        )

    def parse(self, output: Output) -> ConnectFact:
        """Read the word."""
        word = output.stdout.decoded().strip()
        if word not in {"open", "refused", "silent", "no-tool"}:
            raise UnreadableError("the attempt to connect gave no result")
        return ConnectFact.model_validate({"outcome": word})


class HttpFact(Fact):
    """What a web server answered."""

    status: int
    """0 where nothing answered."""
    headers: dict[str, str] = {}
    """Names in lower case."""
    body: str = ""
    """The first 64 KiB."""


@dataclass(frozen=True)
class HttpGet(Reader[HttpFact]):
    """Ask for one page over HTTP from the host that runs this; redirects are not followed."""

    address: IPv4Address | IPv6Address
    path: str = "/"
    host: str | None = None
    """The Host header; default: the address."""
    timeout: int = 3
    cap = 128 << 10

    @property
    def url(self) -> str:
        """The URL as a person would type it."""
        literal = f"[{self.address}]" if isinstance(self.address, IPv6Address) else str(self.address)
        return f"http://{literal}{self.path}"

    def script(self) -> str:
        """Use curl, python3 or wget, whichever there is; print status line, headers and body."""
        url, seconds = quote(self.url), int(self.timeout)
        header = f" -H {quote(f'Host: {self.host}')}" if self.host else ""
        wget = f" --header={quote(f'Host: {self.host}')}" if self.host else ""
        python = (
            "import sys,http.client\n"
            "c=http.client.HTTPConnection(sys.argv[1],80,timeout=float(sys.argv[4]))\n"
            "h={'Host':sys.argv[3]} if sys.argv[3] else {}\n"
            "try: c.request('GET',sys.argv[2],headers=h);r=c.getresponse()\n"
            "except OSError: sys.exit(0)\n"
            "print('HTTP/1.1',r.status);[print(k+': '+v) for k,v in r.getheaders()];print()\n"
            "sys.stdout.flush();sys.stdout.buffer.write(r.read(65536))"
        )
        arguments = f"{quote(str(self.address))} {quote(self.path)} {quote(self.host or '')} {seconds}"
        return (
            f"if command -v curl >/dev/null; then curl -g -s -i -m {seconds}{header} {url}\n"
            f"elif command -v python3 >/dev/null; then python3 -c {quote(python)} {arguments}\n"
            f"elif command -v wget >/dev/null; then wget -q -S -O - -T {seconds} -t 1{wget} {url} 2>&1\n"
            "else exit 127; fi; true"
        )

    def parse(self, output: Output) -> HttpFact:
        """Part headers from body; nothing at all is status 0."""
        if output.status == 127:
            raise UnreadableError("neither curl nor python3 nor wget to ask with")
        head, _, body = output.stdout.decoded().replace("\r\n", "\n").partition("\n\n")
        first, *rest = head.split("\n")
        words = first.split()
        if not words:
            return HttpFact(status=0)
        try:
            status = int(words[1])
        except (IndexError, ValueError):
            raise UnreadableError("the answer is not HTTP") from None
        headers = {k.strip().lower(): v.strip() for k, c, v in (line.partition(":") for line in rest) if c}
        return HttpFact(status=status, headers=headers, body=body[:65536])

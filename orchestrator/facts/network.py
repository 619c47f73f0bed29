"""Answers of the network to a host's probes, and the source address of the operator."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import join, quote


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
    untrusted: bool = False
    """The certificate is not for the name, has ended, or comes from nobody whom the vantage trusts."""


_ASK_IN_PYTHON = """
import http.client, socket, ssl, sys
address, path, host, seconds, tls = sys.argv[1:]
def ask(context):
    c = http.client.HTTPConnection(host or address, timeout=float(seconds))
    c.sock = socket.create_connection((address, 443 if tls else 80), float(seconds))
    if context: c.sock = context.wrap_socket(c.sock, server_hostname=host or None)
    c.request("GET", path, headers={} if host else {"Host": "[%s]" % address if ":" in address else address})
    return c.getresponse()
bare = ssl.create_default_context()
bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
try:
    try: r = ask(ssl.create_default_context() if tls and host else bare if tls else None)
    except ssl.SSLCertVerificationError: print("untrusted"); r = ask(bare)
except OSError: sys.exit(0)
print("HTTP/1.1", r.status)
for k, v in r.getheaders(): print(k + ": " + v)
print(flush=True)
sys.stdout.buffer.write(r.read(65536))
"""


@dataclass(frozen=True)
class HttpGet(Reader[HttpFact]):
    """Request one page over HTTP from the vantage; redirects are not followed."""

    address: IPv4Address | IPv6Address
    path: str = "/"
    host: str | None = None
    """Name of the site: the Host header, and the name that TLS asks for; default: the address."""
    tls: bool = False
    """By https. The page comes with any certificate; with `host`, the fact says if the certificate is trusted."""
    timeout: int = 3
    cap = 128 << 10

    @property
    def url(self) -> str:
        """The URL as typed by a person."""
        return self._url(str(self.address))

    def _url(self, name: str) -> str:
        literal = f"[{name}]" if ":" in name else name
        return f"{'https' if self.tls else 'http'}://{literal}{self.path}"

    def script(self) -> str:
        """Return the script: use curl, python3 or wget, as available; print status line, headers and body.

        The line `untrusted` comes first where the certificate is not trusted.
        """
        seconds, host = int(self.timeout), self.host
        header = f" -H {quote(f'Host: {host}')}" if host else ""
        by_address = f"curl -g -s -k -i -m {seconds}{header} {quote(self.url)}"
        curl = by_address
        if self.tls and host:
            there = f"[{self.address}]" if self.address.version == 6 else str(self.address)
            by_name = f"curl -g -s -i -m {seconds} --connect-to {quote(f'::{there}:')} {quote(self._url(host))}"
            # 51 and 60: the certificate is not trusted; 2: a curl without --connect-to.
            curl = (
                f"{{ {by_name}; case $? in 51 | 60) echo untrusted; {by_name} -k ;; "
                f"2) {by_address} ;; esac; }} 2>/dev/null"
            )
        wget = f" --header={quote(f'Host: {host}')}" if host else ""
        unverified = " --no-check-certificate" if self.tls else ""
        arguments = join((str(self.address), self.path, host or "", str(seconds), "tls" if self.tls else ""))
        return (
            f"if command -v curl >/dev/null; then {curl}\n"
            f"elif command -v python3 >/dev/null; then python3 -c {quote(_ASK_IN_PYTHON)} {arguments}\n"
            f"elif command -v wget >/dev/null; then wget -q -S{unverified} -O - -T {seconds} -t 1{wget}"
            f" {quote(self.url)} 2>&1\nelse exit 127; fi; true"
        )

    def parse(self, output: Output) -> HttpFact:
        """Split headers from body; an empty output is status 0."""
        if output.status == 127:
            raise UnreadableError("neither curl nor python3 nor wget to ask with")
        text = output.stdout.decoded().replace("\r\n", "\n")
        untrusted = text.startswith("untrusted\n")
        head, _, body = text.removeprefix("untrusted\n").partition("\n\n")
        first, *rest = head.split("\n")
        words = first.split()
        if not words:
            return HttpFact(status=0)
        status = parse_int(words[1], 3) if len(words) > 1 else None
        if status is None:
            raise UnreadableError("the answer is not HTTP")
        headers = {k.strip().lower(): v.strip() for k, c, v in (line.partition(":") for line in rest) if c}
        return HttpFact(status=status, headers=headers, body=body[:65536], untrusted=untrusted)

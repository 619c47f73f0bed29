"""The number of flows of some addresses in a router's flow table (conntrack)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.shell import quote

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class FlowsFact(Fact):
    """The content of the flow table."""

    left: int
    """Matching flows present in the table."""
    offloaded: int = 0
    """Part of `left`: flows past the ruleset, in a flowtable (`[OFFLOAD]`, `[HW_OFFLOAD]` of conntrack(8))."""
    opener: EscapedLine = ""
    """The opener of one flow still present."""
    whole: bool = True
    """True if the table was read to the end."""


LOOKED_AT = 8
"""Most blocked networks searched by conntrack(8), with a read of the whole table for each."""
_BY_CONNTRACK = """\
command -v conntrack >/dev/null || { echo 'neither python3 nor conntrack is installed' >&2; exit 127; }
ends() {
    awk '{ o = r = ""
        for (i = 1; i <= NF; i++) if (sub(/^src=/, "", $i)) { if (o == "") o = $i; else if (r == "") r = $i }
        print "flow", o, r, /OFFLOAD/ ? "offloaded" : "listed" }' | sort -u | head -n 1024
}
while read -r family network; do
    for side in -s -d; do conntrack -L -f "$family" "$side" "$network" 2>/dev/null | ends; done
done <<END
@networks@END
"""


@dataclass(frozen=True)
class Flows(Reader[FlowsFact]):
    """Count the flows of blocked addresses, except flows opened by an allowed address or answered by a spare.

    On a router without python3, conntrack(8) searches for the flows of the first LOOKED_AT networks, and flow ends
    are counted.
    """

    blocked: tuple[Network, ...]
    allowed: tuple[Network, ...] = ()
    spare: tuple[Address, ...] = ()
    deadline = 20.0

    def script(self) -> str:
        """Return the script: read the kernel's table once for each IP version."""
        wanted = quote(wanted_flows(self.blocked, self.allowed, self.spare))
        table = f"printf %s {wanted} | python3 -B -I -S -c {quote(flow_program())} count blocked 15"
        lines = "".join(f"ipv{n.version} {_bare(n)}\n" for n in self.blocked[:LOOKED_AT])
        return (
            f"if command -v python3 >/dev/null; then {table}\nexit; fi\n{_BY_CONNTRACK.replace('@networks@', lines)}"
        )

    def parse(self, output: Output) -> FlowsFact:
        """Parse the output; raises UnreadableError for an unreadable table."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(f"the table of flows: {output.stderr.last_line() or 'no complete answer'}")
        words = [line.split(" ") for line in output.stdout.lines()]
        if not words or words[0][0] == "flow":
            return self._of_ends([line[1:] for line in words])
        found = {line[0]: line[-1] for line in words}
        numbers = {word: parse_int(found.get(word, "")) for word in ("left", "offloaded")}
        if None in numbers.values():
            raise UnreadableError("the table of flows: no complete answer")
        whole = "unread" not in found
        return FlowsFact.model_validate({**numbers, "opener": found.get("opener", "")[:64], "whole": whole})

    def _of_ends(self, flows: list[list[str]]) -> FlowsFact:
        left = [flow for flow in flows if len(flow) == 3 and not self._left_out(*flow[:2])]
        return FlowsFact(
            left=len(left),
            offloaded=sum(flow[2] == "offloaded" for flow in left),
            opener=left[0][0][:64] if left else "",
            whole=len(self.blocked) <= LOOKED_AT,
        )

    def _left_out(self, opener: str, answerer: str) -> bool:
        try:
            source, replies = ip_address(opener), ip_address(answerer)
        except ValueError:
            return False
        if any(source.version == n.version and source in n for n in self.blocked):
            return False
        return replies in self.spare or any(source.version == n.version and source in n for n in self.allowed)


def _bare(network: Network) -> str:
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def wanted_flows(blocked: Iterable[Network], allowed: Iterable[Network] = (), spare: Iterable[Address] = ()) -> str:
    """Return the program's input: the addresses of flows to find, and the addresses of flows to leave out."""
    named = (("blocked", blocked), ("allowed", allowed), ("spare", spare))
    return "".join(f"{word} {item}\n" for word, items in named for item in items)


@cache
def flow_program() -> str:
    """Return the program to search the flow table with the router's python3; see `flow_table.py`."""
    return (files("stopgap.orchestrator.facts") / "flow_table.py").read_text("utf-8")

"""The bridges of Open vSwitch on a host: ports, learnt link-layer addresses, flows of Stopgap and of others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.shell import quote

COOKIES = "0x53744770"
"""First half of the cookie of every flow of Stopgap's (ovs-fields(7), `cookie`: 64 bits)."""
_PORT = re.compile(r"\s*(\d+|LOCAL)\(([^)]*)\): addr:")
_LEARNT = re.compile(r"\s*(\d+|LOCAL)\s+\d+\s+([0-9a-f]{2}(?::[0-9a-f]{2}){5})\s+\d+")
_SCRIPT = f"""\
within() {{ if command -v timeout >/dev/null; then timeout 4 "$@"; else "$@"; fi; }}
flows() {{ within ovs-ofctl --no-stats dump-flows "$b" "$@" | sed -n 's/^  *\\(.*actions=\\)/\\1/p'; }}
if command -v ovs-vsctl >/dev/null; then
    within ovs-vsctl --no-heading --format=table --columns=name,type list Interface | sed -n 's/^/interface /p'
    for b in $(within ovs-vsctl list-br); do
        controllers=$(within ovs-vsctl get-controller "$b" | wc -l)
        echo "bridge $b $(within ovs-vsctl get Bridge "$b" datapath_type) $controllers"
        if shown=$(within ovs-ofctl show "$b"); then printf 'floods\\n%s\\n' "$shown" | sed -n '/^floods\\|^ /p'
        else within ovs-ofctl -O OpenFlow14 show "$b" | sed -n '/^ /p'; fi
        within ovs-appctl fdb/show "$b" | sed 's/^/learnt /'
        flows | grep -v '^cookie={COOKIES}' | grep -m 1 -v '^priority=0 actions=NORMAL$' | sed 's/^/other /'
        flows "cookie=$cookie/-1" | sed 's/^/own /'
    done
fi
true"""


class SwitchPortFact(Fact):
    """One port of a bridge of Open vSwitch."""

    device: str
    number: int
    """The port's number in flows (`ofport`)."""
    internal: bool = False
    """A device of the host itself, such as the bridge's own."""
    floods: bool | None = None
    """Frames to groups and unknown destinations leave by the port; `None`: unknown, without OpenFlow 1.0."""


class SwitchFact(Fact):
    """One bridge of Open vSwitch."""

    bridge: str
    userspace: bool = False
    """The datapath is ovs-vswitchd's own (`netdev`): no rule of the kernel sees a frame."""
    controllers: int = 0
    """Number of controllers, which own the bridge's flows."""
    ports: tuple[SwitchPortFact, ...] = ()
    learnt: tuple[tuple[str, str], ...] = ()
    """Link-layer addresses, each with the port of its latest frame."""
    other: str = ""
    """A flow that is neither Stopgap's nor the default `NORMAL`; empty without one."""
    flows: tuple[str, ...] = ()
    """The flows under the block's cookie, in the format of ovs-ofctl(8), without counters; sorted."""

    def port(self, device: str) -> SwitchPortFact | None:
        """Return the port of a device."""
        return next((port for port in self.ports if port.device == device), None)

    @property
    def plain(self) -> bool:
        """Return True for a bridge that forwards by the addresses that it learns, and by nobody's flows."""
        return not self.controllers and not self.other


@dataclass(frozen=True)
class Switches(Reader[tuple[SwitchFact, ...]]):
    """Read every bridge of Open vSwitch; a host without ovs-vsctl(8) has none."""

    cookie: str
    """The block's cookie."""
    deadline: ClassVar[float] = 20.0
    cap: ClassVar[int] = 16 << 20

    def script(self) -> str:
        """Return the script: interfaces, then each bridge with its ports, learnt addresses and flows."""
        return f"cookie={quote(self.cookie)}\n{{ {_SCRIPT}; }} 2>/dev/null"

    def parse(self, output: Output) -> tuple[SwitchFact, ...]:
        """Parse the bridges; raises UnreadableError."""
        if output.status is None or output.truncated:
            raise UnreadableError("ovs-vsctl: no complete answer")
        interfaces, bridges = dict[str, str](), list[list[str]]()
        for line in output.stdout.lines():
            head, _, rest = line.partition(" ")
            if head == "interface":
                name, _, kind = rest.replace('"', "").partition(" ")
                interfaces[name] = kind.strip()
            elif head == "bridge":
                bridges.append([rest])
            elif bridges:
                bridges[-1].append(line)
        try:
            return tuple(_bridge(lines[0], lines[1:], interfaces) for lines in bridges)
        except (ValueError, IndexError):
            raise UnreadableError("ovs-vsctl: an answer that is no list of bridges") from None


def _bridge(head: str, lines: Iterable[str], interfaces: dict[str, str]) -> SwitchFact:
    name, datapath, controllers, *_ = [*head.replace('"', "").split(), "", "0"]
    ports, learnt, own = dict[str, SwitchPortFact](), list[tuple[str, str]](), list[str]()
    other, told, latest = "", False, ""
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "floods":
            told = True
        elif word == "own":
            own.append(rest)
        elif word == "other":
            other = rest
        elif word == "learnt" and (found := _LEARNT.match(rest)) and found[1] in ports:
            learnt.append((found[2], ports[found[1]].device))
        elif found := _PORT.match(line):
            latest = found[1]
            number = 65534 if latest == "LOCAL" else parse_int(latest, 5) or 0
            internal = latest == "LOCAL" or interfaces.get(found[2]) == "internal"
            ports[latest] = SwitchPortFact(
                device=found[2], number=number, internal=internal, floods=True if told else None
            )
        elif latest and told and line.strip().startswith("config:") and "NO_FLOOD" in line:
            ports[latest] = ports[latest].model_copy(update={"floods": False})
    return SwitchFact(
        bridge=name,
        userspace=datapath == "netdev",
        controllers=parse_int(controllers, 5) or 0,
        ports=tuple(ports.values()),
        learnt=tuple(dict.fromkeys(learnt)),
        other=other,
        flows=tuple(sorted(own)),
    )

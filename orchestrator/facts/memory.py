"""The size of a host's memory, and the kernel's interfaces for reading memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError

Kcore = Literal["open", "closed", "absent"]
_ANSWER = re.compile(r"ram ([0-9]{1,16})\nkcore (open|closed|absent)\nlockdown ([a-z]{0,20})\n")


class MemoryFact(Fact):
    """The memory as reported by the host."""

    ram: int = 0
    """Bytes of memory; 0 if unknown."""
    kcore: Kcore = "absent"
    """True if /proc/kcore (proc(5)) exists and opens for the account."""
    lockdown: str = ""
    """The kernel's lockdown against root: `integrity`, `confidentiality` (kernel_lockdown(7)), or empty."""


@dataclass(frozen=True)
class Memory(Reader[MemoryFact]):
    """Read the size of memory (/proc/iomem, else MemTotal), and test access to /proc/kcore.

    The memory itself is not read.
    """

    def script(self) -> str:
        """Return the script: three lines, with shell builtins only."""
        return r"""
ram=0
while IFS= read -r line; do
    case $line in
        [0-9a-f]*' : System RAM') range=${line%% *} ;;
        *) continue ;;
    esac
    from=$((0x${range%-*})) to=$((0x${range#*-}))
    [ "$to" = 0 ] || ram=$((ram + to - from + 1))
done </proc/iomem
if [ "$ram" = 0 ]; then
    while read -r key value _; do [ "$key" != MemTotal: ] || ram=$((value * 1024)); done </proc/meminfo
fi
kcore=absent lockdown=
if [ -e /proc/kcore ]; then if (: </proc/kcore) 2>/dev/null; then kcore=open; else kcore=closed; fi; fi
if [ -r /sys/kernel/security/lockdown ]; then
    read -r line </sys/kernel/security/lockdown
    line=${line#*\[} lockdown=${line%%\]*}
fi
printf 'ram %s\nkcore %s\nlockdown %s\n' "$ram" "$kcore" "${lockdown#none}"
"""

    def parse(self, output: Output) -> MemoryFact:
        """Parse the three lines; any other output is rejected."""
        found = _ANSWER.fullmatch(output.stdout.decoded())
        if output.status != 0 or not found:
            raise UnreadableError(output.stderr.last_line() or "the host does not say how much memory it has")
        kcore: dict[str, Kcore] = {"open": "open", "closed": "closed", "absent": "absent"}
        return MemoryFact(ram=int(found[1]), kcore=kcore[found[2]], lockdown=found[3])

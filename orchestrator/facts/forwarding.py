"""The forwarding table of a host's bridges: link-layer addresses, each with the port of its latest frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_json


class ForwardingFact(Fact):
    """One learnt entry (bridge(8), `fdb`)."""

    link_address: str
    """In lower case."""
    device: str
    """The port."""
    bridge: str = ""


@dataclass(frozen=True)
class Forwarding(Reader[tuple[ForwardingFact, ...]]):
    """Read the learnt entries of every bridge; a host without bridge(8) has none."""

    cap: ClassVar[int] = 16 << 20

    def script(self) -> str:
        """Return the script: the table as JSON."""
        return "if command -v bridge >/dev/null; then bridge -j fdb show; else echo '[]'; fi"

    def parse(self, output: Output) -> tuple[ForwardingFact, ...]:
        """Parse the entries; a device's own addresses, marked `permanent`, are left out. Raises UnreadableError."""
        if output.status is None or output.truncated:
            raise UnreadableError("bridge fdb: no complete answer")
        try:
            entries = parse_json(output.stdout.decoded() or "[]")
            found = [
                ForwardingFact(
                    link_address=str(entry["mac"]).lower(), device=str(entry["ifname"]), bridge=str(entry["master"])
                )
                for entry in entries
                if entry.get("master") and entry.get("state") not in {"permanent", "static"}
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UnreadableError("bridge fdb: an answer that is no forwarding table") from None
        return tuple(dict.fromkeys(found))

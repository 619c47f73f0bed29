"""A TCP port, probed from outside: open, refused or silent."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Literal, assert_never

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import ConnectFact, Reader, TcpConnect
from stopgap.orchestrator.text import tr


class Port(Check):
    """A TCP port, probed from outside."""

    kind: Literal["port"] = "port"
    address: IPv4Address | IPv6Address
    port: int
    expect: Literal["closed", "open", "silent"]
    """`closed` is refused or silent; `silent` is no answer at all, as a dropped packet gives."""

    def describe(self) -> str:
        """Return the expected state, with address and port."""
        place = _socket(self.address, self.port)
        match self.expect:
            case "closed":
                return tr("{place} is closed", place=place)
            case "open":
                return tr("{place} is open", place=place)
            case "silent":
                return tr("{place} is silent", place=place)
            case _:
                assert_never(self.expect)

    def reader(self) -> Reader[ConnectFact]:
        """Return the reader with the connection attempt."""
        return TcpConnect(self.address, self.port)

    def judge(self, fact: ConnectFact) -> Judgement:
        """Compare the outcome; without a connection tool on the vantage the result is unknown."""
        if fact.outcome == "no-tool":
            return Judgement(None, tr("no tool there to connect with"))
        met = {
            "closed": fact.outcome != "open",
            "open": fact.outcome == "open",
            "silent": fact.outcome == "silent",
        }
        return Judgement(met[self.expect], _answers()[fact.outcome])


def _answers() -> dict[str, str]:
    return {"open": tr("open"), "refused": tr("refused"), "silent": tr("silent")}


def _socket(address: IPv4Address | IPv6Address, port: int) -> str:
    return f"[{address}]:{port}" if isinstance(address, IPv6Address) else f"{address}:{port}"

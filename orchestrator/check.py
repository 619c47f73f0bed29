"""Checks: what is looked at after a change, from where, and what it proves."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.facts import ConnectFact, HttpFact, HttpGet, Listeners, Reader, TcpConnect
from stopgap.orchestrator.host import Eye


@dataclass(frozen=True)
class Judgement:
    """What one look showed."""

    holds: bool | None
    """None: it could not be seen."""
    seen: str
    """In words, for the operator; escaped where it is printed."""


class Check(BaseModel):
    """One look, from one eye, at one thing. It is repeated until it holds or `patience` is over.

    Where the eye stands for several hosts, all of them look, and the check holds when it holds for each.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    eye: Eye
    patience: float = 5.0
    """Seconds in which it may become true: a daemon takes its time to leave a port."""
    steady: float = 0.0
    """Seconds for which it has to go on to hold; failing for no longer than `patience` is forgiven meanwhile."""
    every: float = 15.0
    """Seconds between two looks while it holds."""
    containment: bool = False
    """It counts towards the verdict `contained`."""
    trusts_target: ClassVar[bool] = False
    """What it says rests on the target's own word; it is then marked so, and proves nothing alone."""

    @abstractmethod
    def describe(self) -> str:
        """Say what must be true, in one line."""

    @abstractmethod
    def reader(self) -> Reader[Any]:
        """Give what to read, at the eye."""

    @abstractmethod
    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Say whether what was read holds. Pure."""


class Port(Check):
    """A TCP port, knocked on from outside."""

    kind: Literal["port"] = "port"
    address: IPv4Address | IPv6Address
    port: int
    expect: Literal["closed", "open", "silent"]
    """`closed` is refused or silent; `silent` is no answer at all, as a dropped packet gives."""

    def describe(self) -> str:
        """Name address, port and expectation."""
        return f"{_socket(self.address, self.port)} is {self.expect}"

    def reader(self) -> Reader[ConnectFact]:
        """Connect."""
        return TcpConnect(self.address, self.port)

    def judge(self, fact: ConnectFact) -> Judgement:
        """Compare; without a tool to connect with, nothing is known."""
        if fact.outcome == "no-tool":
            return Judgement(None, "no tool there to connect with")
        met = {
            "closed": fact.outcome != "open",
            "open": fact.outcome == "open",
            "silent": fact.outcome == "silent",
        }
        return Judgement(met[self.expect], fact.outcome)


class Page(Check):
    """A page, asked for as a visitor would."""

    kind: Literal["page"] = "page"
    address: IPv4Address | IPv6Address
    path: str = "/"
    host: str | None = None
    status: int
    contains: str | None = None

    def describe(self) -> str:
        """Name the URL and the status."""
        return f"{self._get().url} answers {self.status}"

    def reader(self) -> Reader[HttpFact]:
        """Get the page."""
        return self._get()

    def judge(self, fact: HttpFact) -> Judgement:
        """Compare the status, and look for the text."""
        if fact.status == 0:
            return Judgement(False, "no answer")
        if self.contains is not None and self.contains not in fact.body:
            return Judgement(False, f"{fact.status}, but another page")
        return Judgement(fact.status == self.status, str(fact.status))

    def _get(self) -> HttpGet:
        return HttpGet(self.address, self.path, self.host)


class NoListener(Check):
    """No socket of the host listens on these ports, by its kernel's own table."""

    kind: Literal["no-listener"] = "no-listener"
    eye: Eye = "target"
    ports: tuple[int, ...]
    trusts_target: ClassVar[bool] = True

    def describe(self) -> str:
        """Name the ports."""
        return f"nothing listens on {', '.join(map(str, self.ports))}"

    def reader(self) -> Reader[Any]:
        """Read the listening sockets."""
        return Listeners()

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Look for the ports."""
        open_ports = sorted({listener.port for listener in fact} & set(self.ports))
        return Judgement(not open_ports, f"listening: {', '.join(map(str, open_ports))}" if open_ports else "none")


def _socket(address: IPv4Address | IPv6Address, port: int) -> str:
    return f"[{address}]:{port}" if isinstance(address, IPv6Address) else f"{address}:{port}"

"""Ports on which nothing listens, by the host's own table of sockets."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import Listeners, Reader
from stopgap.orchestrator.host import CheckVantage


class NoListener(Check):
    """No socket of the host listens on these ports, by its kernel's own table."""

    kind: Literal["no-listener"] = "no-listener"
    vantage: CheckVantage = "target"
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

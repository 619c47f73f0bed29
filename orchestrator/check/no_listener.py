"""Ports without a listener, by the host's own socket table."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.facts import Listeners, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.text import tr


class NoListener(Check):
    """No socket of the host listens on the ports, by the kernel's own table."""

    kind: Literal["no-listener"] = "no-listener"
    vantage: CheckVantage = "target"
    ports: tuple[int, ...]
    trusts_target: ClassVar[bool] = True

    def describe(self) -> str:
        """Return the expected state, with the ports."""
        return tr("nothing listens on {ports}", ports=", ".join(map(str, self.ports)))

    def reader(self) -> Reader[Any]:
        """Return the reader of listening sockets."""
        return Listeners()

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Search the listening sockets for the ports."""
        open_ports = sorted({listener.port for listener in fact} & set(self.ports))
        return Judgement(
            not open_ports,
            tr("listening: {open_ports}", open_ports=", ".join(map(str, open_ports))) if open_ports else tr("none"),
        )

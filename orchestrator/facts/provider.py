"""What a provider's program says of a block: what it would change, and what it can do. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ValidationError

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.provider_script import (
    LONGEST,
    Ask,
    PlanAnswer,
    ProbeAnswer,
    ProviderRequest,
    StatusAnswer,
    to_provider_text,
)
from stopgap.orchestrator.text import tr


class ProviderFact(Fact):
    """The answers to probe, plan and status for one block."""

    request: ProviderRequest
    """The request behind the answers."""
    probe: ProbeAnswer
    plan: PlanAnswer
    status: StatusAnswer


@dataclass(frozen=True)
class Provider(Reader[ProviderFact]):
    """Ask a provider's program for a block: probe, plan, status."""

    request: ProviderRequest
    deadline: ClassVar[float] = 60.0
    cap: ClassVar[int] = 3 * LONGEST

    def script(self) -> str:
        """Return the dialogue."""
        return to_provider_text(Ask(operations=("probe", "plan", "status"), request=self.request))

    def parse(self, output: Output) -> ProviderFact:
        """Parse an answer a line; raises UnreadableError with the program's own reason."""
        lines = output.stdout.lines()
        if output.status != 0 or len(lines) != 3:
            raise UnreadableError(output.stderr.last_line() or tr("the provider's program gave no answer"))
        try:
            return ProviderFact(
                request=self.request,
                probe=ProbeAnswer.model_validate_json(lines[0]),
                plan=PlanAnswer.model_validate_json(lines[1]),
                status=StatusAnswer.model_validate_json(lines[2]),
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UnreadableError(
                tr("an answer of the provider's program: {place}: {fault}", place=place, fault=first["msg"])
            ) from None


@dataclass(frozen=True)
class ProviderStatus(Reader[StatusAnswer]):
    """Ask a provider's program for the state of a block."""

    request: ProviderRequest
    deadline: ClassVar[float] = 60.0
    cap: ClassVar[int] = LONGEST

    def script(self) -> str:
        """Return the dialogue."""
        return to_provider_text(Ask(operations=("status",), request=self.request))

    def parse(self, output: Output) -> StatusAnswer:
        """Parse the answer; raises UnreadableError."""
        if output.status != 0:
            raise UnreadableError(output.stderr.last_line() or tr("the provider's program gave no answer"))
        try:
            return StatusAnswer.model_validate_json(output.stdout.decoded())
        except ValidationError:
            raise UnreadableError(tr("the answer of the provider's program is no status")) from None

"""Output of the operator's own command on the controller."""

from __future__ import annotations

from dataclasses import dataclass

from stopgap.orchestrator.facts.program import ProgramFact
from stopgap.orchestrator.facts.reader import Output, Reader
from stopgap.orchestrator.shell import join


@dataclass(frozen=True)
class Listing(Reader[ProgramFact]):
    """Run a command declared read-only by the runbook, in a dry run too.

    For tasks on the controller alone: there the operator vouches for the command. On a host nobody could vouch.
    """

    argv: tuple[str, ...]
    deadline = 60.0
    cap = 8 << 20

    def script(self) -> str:
        """Return the command as a script."""
        return join(self.argv)

    def parse(self, output: Output) -> ProgramFact:
        """Keep status and text."""
        return ProgramFact(
            status=-1 if output.status is None else output.status,
            stdout=output.stdout.decoded(),
            stderr=output.stderr.decoded(),
            cut=output.status is None or output.truncated,
        )

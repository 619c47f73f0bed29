"""What can go wrong with the journal. Each message is for the operator and says what to do about it."""

from collections.abc import Sequence
from typing import ClassVar

from stopgap.orchestrator.errors import Error


class JournalError(Error):
    """The journal cannot be read or written; nothing may be acted on that is not on disk first."""


class SharedHomeError(JournalError):
    """The state folder is not the operator's alone: what it holds could be anybody's."""

    exit_code: ClassVar[int] = 4


class UnknownRunError(JournalError):
    """No run, or more than one, is meant by this name."""


class RunHeldError(JournalError):
    """Another process on this machine is at work on the run."""


class DamagedRunError(JournalError):
    """A run's records are not those that were written; nothing is done on their word."""

    def __init__(self, run: str, problems: Sequence[str]) -> None:
        self.run = run
        self.problems = tuple(problems)
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        said = f"the journal of run {run} is damaged: {problems[0]}{more}"
        super().__init__(f"{said}; `stopgap verify {run}` lists all")


class UntrustedRunError(DamagedRunError):
    """Something was to be done on the word of a damaged run, and is refused."""

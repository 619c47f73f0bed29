"""Errors of the journal. Each message addresses the operator and includes the remedy."""

from collections.abc import Sequence

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.text import tr


class JournalError(Error):
    """The journal cannot be read or written; no act may proceed without its record on disk.

    >>> import stopgap
    >>> issubclass(stopgap.JournalError, stopgap.Error)
    True
    """


class SharedHomeError(JournalError):
    """The state folder is writable by another account: its content is not trusted."""

    exit_code = ExitCode.REFUSED


class UnknownRunError(JournalError):
    """No run, or more than one run, matches the name.

    >>> import stopgap
    >>> try:
    ...     stopgap.history("20000101-0000-none")
    ... except stopgap.UnknownRunError as error:
    ...     print(error.exit_code.value)
    2
    """

    exit_code = ExitCode.INVALID


class RunHeldError(JournalError):
    """Another process on this machine holds the lock of the run.

    >>> RunHeldError("run 20261129-1200-k3f9 is held by process 4711").exit_code.value
    1
    """


class DamagedRunError(JournalError):
    """A run's records differ from the records written; no act follows from such records.

    `run` is the run's id; `problems` holds what shows the damage, one line each.

    >>> error = DamagedRunError("20261129-1200-k3f9", ["record 7 was changed", "record 9 is missing"])
    >>> error.run, error.problems[0]
    ('20261129-1200-k3f9', 'record 7 was changed')
    """

    def __init__(self, run: str, problems: Sequence[str]) -> None:
        self.run = run
        self.problems = tuple(problems)
        more = tr(", and {count} more", count=len(problems) - 1) if len(problems) > 1 else ""
        said = tr("the journal of run {run} is damaged: {problems}{more}", run=run, problems=problems[0], more=more)
        super().__init__(tr("{said}; `stopgap verify {run}` lists all", said=said, run=run))


class UntrustedRunError(DamagedRunError):
    """An act on the records of a damaged run is refused; `run` and `problems` give the reason.

    >>> import stopgap
    >>> stopgap.UntrustedRunError("20261129-1200-k3f9", ["record 7 was changed"]).exit_code.value
    4
    """

    exit_code = ExitCode.REFUSED

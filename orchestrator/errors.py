"""Errors for programs with `import stopgap`: each error is an `Error`, each family has an exit status.

Every message addresses the operator: the fault, its position, the remedy.
"""

from __future__ import annotations

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.text import tr


class Error(Exception):
    """Base of all errors of Stopgap.

    `exit_code` is the exit status of the `stopgap` command for the error (DESIGN, Contract).

    >>> import stopgap
    >>> try:
    ...     stopgap.load_runbook("contian")
    ... except stopgap.Error as error:
    ...     print(error.exit_code, error)
    2 contian: there is no such file or runbook
      hint: did you mean contain?
    """

    exit_code: int = ExitCode.FAILED

    def __str__(self) -> str:
        """Return the message; what a host sent is escaped, so that a traceback harms no terminal."""
        return escape(super().__str__(), keep_lines=True)


class UsageError(Error):
    """An invalid call or command line; no host was contacted.

    >>> import stopgap
    >>> try:
    ...     stopgap.verify("no-such-run")
    ... except (stopgap.UsageError, stopgap.UnknownRunError) as error:
    ...     print(error.exit_code.value)
    2
    """

    exit_code = ExitCode.INVALID


class UnreachableError(Error):
    """A host gave no session before the timeout.

    >>> str(UnreachableError("web: timeout after 10 s")), UnreachableError.exit_code.value
    ('web: timeout after 10 s', 3)
    """

    exit_code = ExitCode.UNREACHABLE


class RefusedError(Error):
    """Refusal by a guard, a lock or a person; nothing was changed. The message names the reason and the remedy.

    >>> import stopgap
    >>> issubclass(stopgap.DriftedError, stopgap.RefusedError), stopgap.RefusedError.exit_code.value
    (True, 4)
    """

    exit_code = ExitCode.REFUSED


class DriftedError(RefusedError):
    """The plan differs from the preview: a host has changed since.

    `saved` and `found` are the digests of the two plans, in hexadecimal.

    >>> error = DriftedError("7f3a91c2" * 8, "00c0ffee" * 8)
    >>> error.saved[:8], error.found[:8]
    ('7f3a91c2', '00c0ffee')
    """

    def __init__(self, saved: str, found: str) -> None:
        super().__init__(
            tr(
                "the plan has drifted: saved {saved}, now {found}; look at a new dry run and save it again",
                saved=saved[:8],
                found=found[:8],
            )
        )
        self.saved = saved
        self.found = found

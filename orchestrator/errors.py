"""Errors that a program which uses Stopgap can catch: all of them are an `Error`, each family with its exit status.

Every message is for the operator: what is wrong, where, and what to do.
"""

from __future__ import annotations

from typing import ClassVar


class Error(Exception):
    """Anything that Stopgap reports as an error.

    `exit_code` is the exit status of the `stopgap` command for it (DESIGN, Contract).

    >>> import stopgap
    >>> try:
    ...     stopgap.load_runbook("contian")
    ... except stopgap.Error as error:
    ...     print(error.exit_code, error)
    2 contian: there is no such file or runbook
      hint: did you mean contain?
    """

    exit_code: ClassVar[int] = 1


class UsageError(Error):
    """A call or a command line that cannot be carried out as written; nothing was contacted."""

    exit_code = 2


class UnreachableError(Error):
    """A host gave no session within its time."""

    exit_code = 3


class RefusedError(Error):
    """A guard, a lock or a person said no; nothing was changed."""

    exit_code = 4


class DriftedError(RefusedError):
    """A plan is no longer what was previewed: a host has changed since.

    `saved` and `found` are the digests of both plans, in hexadecimal.
    """

    def __init__(self, saved: str, found: str) -> None:
        super().__init__(
            f"the plan has drifted: saved {saved[:8]}, now {found[:8]}; look at a new dry run and save it again"
        )
        self.saved = saved
        self.found = found

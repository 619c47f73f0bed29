"""What can go wrong with the journal. Each message is for the operator and says what to do about it."""

from stopgap.orchestrator.errors import Error


class JournalError(Error):
    """The journal cannot be read or written; nothing may be acted on that is not on disk first."""


class UnknownRunError(JournalError):
    """No run, or more than one, is meant by this name."""


class RunHeldError(JournalError):
    """Another process on this machine is at work on the run."""

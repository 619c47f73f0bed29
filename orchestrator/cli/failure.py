"""An exception to end a command with a message."""

from stopgap.orchestrator.errors import Error


class Stop(Error):  # noqa: N818
    """End the command with an exit code and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

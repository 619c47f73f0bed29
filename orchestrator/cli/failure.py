"""A command that ends with a message instead of a result."""

from stopgap.orchestrator.errors import Error


class Stop(Error):  # noqa: N818
    """End with this exit code and this message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

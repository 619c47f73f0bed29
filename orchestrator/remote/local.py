"""The same exchange with a shell on the controller: for `connection: local`, and for probes from the controller."""

from __future__ import annotations

import os
from collections.abc import Sequence

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.exchange import FramedSession
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.line import Line, LineBrokenError
from stopgap.orchestrator.remote.process import ProcessLine
from stopgap.orchestrator.remote.script import SHELL
from stopgap.orchestrator.shell import PATH
from stopgap.orchestrator.text import tr


class LocalSession(FramedSession):
    """Starts a separate shell for each exchange, in a new POSIX session, with an environment free of secrets."""

    def __init__(self, host: Host, limits: Limits, shell: tuple[str, ...] = SHELL) -> None:
        super().__init__(host, limits, shell)
        self._line: ProcessLine | None = None

    def _open_line(self, words: Sequence[str], deadline: float) -> Line:
        try:
            self._line = ProcessLine(words, {"PATH": PATH, "HOME": os.path.expanduser("~"), "LC_ALL": "C"})  # noqa: PTH111
        except OSError as error:
            raise LineBrokenError(
                tr("{filename}: {strerror}", filename=error.filename, strerror=error.strerror)
            ) from None
        return self._line

    def beside(self) -> LocalSession:
        """Return a session with a shell of its own."""
        return LocalSession(self.host, self._limits, (*self._shell,))

    def close(self) -> None:
        """Kill the running shell."""
        super().close()
        if self._line is not None:
            self._line.kill()

"""Reading of tables in a separate process, killed after a timeout: no host can block the run.

The process has limits on memory and CPU time. Answers of the process are untrusted, like data from a host. If the
process dies at a table, the table counts as unread, and a new process reads the next table.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.child import TEXTS
from stopgap.orchestrator.findings.model import Findings
from stopgap.orchestrator.findings.reading import INTERRUPTED, Changed, TableRead
from stopgap.orchestrator.findings.rule import Rule
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.translatable import KeptTexts

GRACE = 5.0
"""Seconds beyond the time that a table was given, after which its process is killed."""
_ASK = 0.1
"""Seconds between two looks at whether somebody wants it to stop."""
_LONGEST_ANSWER = 64 << 20
"""Bytes."""
_Answer = TypeVar("_Answer", bound=BaseModel)


class _FailedError(Exception):
    """No answer came; the message says why."""


class ReaderApart:
    """A reader of tables with a child process, for one collection after another.

    For a single thread; `stop` is polled while waiting.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        stop: Callable[[], bool] = lambda: False,
        baselines: Sequence[Path] = (),
    ) -> None:
        """Take the rules, and what holds content that is right; the process is not started yet."""
        self._rules, self._stop, self._baselines = rules, stop, baselines
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._collected: CollectionReader | None = None
        self._joins: dict[str, tuple[Sequence[str], float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, ready for requests; raises OSError."""
        if self._process is not None:
            return
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "stopgap.orchestrator.findings.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": path, "PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,  # Ctrl-C reaches only this process, and this process then ends the child
        )
        self._rest = b""
        self._send({"rules": [rule.model_dump(mode="json") for rule in self._rules]})
        if self._baselines:
            self._send({"do": "know", "baselines": [str(path.absolute()) for path in self._baselines]})
        if self._collected is not None:
            self._open(self._collected)

    def close(self) -> None:
        """Kill the process in any state."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        process.wait()

    def of(self, collected: CollectionReader) -> Self:
        """Read this collection from now on."""
        self._collected, self._joins = collected, {}
        if self._process is not None:
            self._open(collected)
        return self

    def join(self, table: str, rules: Sequence[str], seconds: float) -> TableRead:
        """Read a table used in joins of the rules."""
        read = self._read("join", table, rules, seconds)
        if not read.trouble:
            self._joins[table] = (rules, seconds)
        return read

    def read(self, table: str, rules: Sequence[str], seconds: float) -> TableRead:
        """Match rules against the rows of the rules' table."""
        return self._read("read", table, rules, seconds)

    def changed(self, paths: Sequence[str], seconds: float) -> dict[str, float]:
        """Give when files were changed."""
        try:
            return self._ask({"do": "changed", "paths": list(paths)}, seconds, Changed).at
        except _FailedError:
            return {}

    def held_against(self, found: Findings, kind: str, path: str, seconds: float) -> Findings | str:
        """Return the findings with matches of YARA or Sigma rules (`kind`) at `path`; the reason as text after a
        failure.
        """
        try:
            message = {"do": kind, "path": path, "found": found.model_dump(mode="json")}
            return self._ask(message, seconds, Findings)
        except _FailedError as failed:
            return str(failed)

    def _read(self, how: str, table: str, rules: Sequence[str], seconds: float) -> TableRead:
        try:
            return self._ask({"do": how, "table": table, "rules": list(rules)}, seconds, TableRead)
        except _FailedError as failed:
            return TableRead(trouble=str(failed))

    def _ask(self, message: dict[str, Any], seconds: float, kind: type[_Answer]) -> _Answer:
        """Send a request to the process, started if needed and killed after a failure. Raises _FailedError."""
        if self._stop():
            self.close()
            raise _FailedError(INTERRUPTED)
        try:
            if self._process is None:
                self.start()
                for table, (rules, given) in self._joins.items():
                    self._one({"do": "join", "table": table, "rules": list(rules)}, given, TableRead)
            return self._one(message, seconds, kind)
        except _FailedError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise _FailedError(
                tr("the process that reads could not be asked: {strerror}", strerror=error.strerror)
            ) from None

    def _open(self, collected: CollectionReader) -> None:
        beside = [str(other.folder) for other in collected.beside]
        self._send({"do": "open", "folder": str(collected.folder), "beside": beside})

    def _one(self, message: dict[str, Any], seconds: float, kind: type[_Answer]) -> _Answer:
        self._send(message | {"seconds": seconds})
        try:
            answer, _, texts = self._line(seconds).partition(TEXTS.encode())
            return kind.model_validate_json(answer, context=KeptTexts.from_json(json.loads(texts or b"[]")))
        except (ValueError, RecursionError):
            raise _FailedError(tr("the process that read it gave no answer that can be read")) from None

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None  # noqa: S101
        assert self._process.stdin is not None  # noqa: S101
        with suppress(BrokenPipeError):  # the reader of the answer learns how the process ended
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def _line(self, seconds: float) -> bytes:
        assert self._process is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        pipe, until = self._process.stdout.fileno(), time.monotonic() + seconds + GRACE
        parts, size = [self._rest], len(self._rest)
        while b"\n" not in parts[-1]:
            if self._stop():
                raise _FailedError(INTERRUPTED)
            left = until - time.monotonic()
            if left <= 0:
                raise _FailedError(
                    tr("it was not read within {seconds} s, and its process was ended", seconds=f"{seconds:.0f}")
                )
            if not select.select([pipe], [], [], min(_ASK, left))[0]:
                continue
            parts.append(os.read(pipe, 1 << 20))
            size += len(parts[-1])
            if not parts[-1]:
                raise _FailedError(tr("the process that read it ended: {wait}", wait=_how(self._process.wait())))
            if size > _LONGEST_ANSWER:
                raise _FailedError(tr("the process that read it gave a longer answer than it may"))
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line


def _how(status: int) -> str:
    return tr("signal {value}", value=-status) if status < 0 else tr("exit status {status}", status=status)

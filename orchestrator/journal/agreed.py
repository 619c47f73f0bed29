"""Commands approved by a person for a file, recorded in the state folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from stopgap.orchestrator.journal.disk import disk_errors, write_at_once
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.secret.agreement import NamedCommand
from stopgap.orchestrator.text import tr

NAME = "agreed-commands.json"
_LARGEST = 4 << 20


class _Entry(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    command: str
    file: str
    sha256: str
    by: str
    at: datetime


class _File(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    version: int = 1
    agreed: tuple[_Entry, ...] = ()


class AgreedCommands:
    """The approvals of one state folder.

    An approval covers a command in the same file, or in a file of the same text.
    """

    def __init__(self, home: Path) -> None:
        """Read the record; `home` is the state folder, created by the first `add`.

        Raises JournalError for a damaged record.
        """
        self._path = home / NAME
        self._agreed = self._read()

    def holds(self, command: NamedCommand) -> bool:
        """Return True if the exact command was approved for a file at this path or with this text."""
        return any(
            entry.command == command.reference
            and (entry.file == str(command.file) or entry.sha256 == command.checksum)
            for entry in self._agreed
        )

    def add(self, commands: Iterable[NamedCommand], by: str) -> None:
        """Record the person's approval of the commands; raises JournalError."""
        now = datetime.now(UTC).replace(microsecond=0)
        new = [
            _Entry(command=c.reference, file=str(c.file), sha256=c.checksum, by=by, at=now)
            for c in commands
            if not self.holds(c)
        ]
        if new:
            self._agreed = (*self._agreed, *new)
            private_folder(self._path.parent)
            whole = _File(agreed=self._agreed).model_dump(mode="json")
            write_at_once(self._path, (json.dumps(whole, indent=1) + "\n").encode())

    def _read(self) -> tuple[_Entry, ...]:
        try:
            with disk_errors(self._path):
                if not self._path.exists():
                    return ()
                with self._path.open("rb") as file:
                    return _File.model_validate_json(file.read(_LARGEST)).agreed
        except ValidationError:
            raise JournalError(
                tr("{path}: damaged; remove it, and agree to the commands anew", path=self._path)
            ) from None

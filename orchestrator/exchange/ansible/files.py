"""The texts of files that `copy` and `template` name: only below a folder that the operator gave."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.exchange.ansible.reading import VAULT
from stopgap.orchestrator.exchange.ansible.values import LONGEST, NoCounterpart
from stopgap.orchestrator.exchange.secret_text import SECRET, holds_secret
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Files:
    """The folder of a playbook's files; without one, none is opened."""

    folder: Path | None = None

    def text(self, name: str, below: str) -> str:
        """Return the text of a file.

        Args:
            name: as the playbook has it; a relative path without `..`.
            below: the folder where Ansible looks first, `files` or `templates`.

        Raises:
            NoCounterpart: no such file of text, or none that may be opened.
        """
        if self.folder is None:
            raise NoCounterpart(tr("it names a file of this machine; --files DIR says where such files may be read"))
        parts = name.split("/")
        if any(part in {"", ".", ".."} for part in parts) or "\0" in name:
            raise NoCounterpart(tr("the file has to be named below the folder, without `..`"))
        content = _read(self.folder, [below, *parts])
        if content is None:
            content = _read(self.folder, parts)
        if content is None:
            raise NoCounterpart(tr("{name} is no file in the folder of --files", name=name))
        return _text(content)


def _text(content: bytes) -> str:
    if len(content) > LONGEST:
        raise NoCounterpart(tr("the file is larger than {most} bytes", most=LONGEST))
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise NoCounterpart(tr("the file is no text in UTF-8"))
    if VAULT in text or holds_secret(text):
        raise NoCounterpart(SECRET)
    return text


def _read(folder: Path, parts: list[str]) -> bytes | None:
    """Return the beginning of a regular file, without following a link below the folder."""
    opened: list[int] = []
    try:
        opened.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        for part in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            opened.append(os.open(part, flags, dir_fd=opened[-1]))
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        opened.append(os.open(parts[-1], flags, dir_fd=opened[-1]))
        if not stat.S_ISREG(os.fstat(opened[-1]).st_mode):
            return None
        with os.fdopen(opened.pop(), "rb") as stream:
            return stream.read(LONGEST + 1)
    except OSError:
        return None
    finally:
        for descriptor in opened:
            with suppress(OSError):
                os.close(descriptor)

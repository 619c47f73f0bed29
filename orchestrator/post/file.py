"""Into a file of the controller, for a person to paste, to print, or to read out."""

from __future__ import annotations

import os
import re
from pathlib import Path

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.home import private_folder, sync_folder
from stopgap.orchestrator.message import FileRoute, Message
from stopgap.orchestrator.post.postman import Connectionless, Posted
from stopgap.orchestrator.text import tr


class FilePostman(Connectionless):
    """A postman for files of mode 0600, one for each message; an existing file stays unchanged."""

    def __init__(self, route: FileRoute, letters: Path) -> None:
        self._route = route
        self._letters = letters

    def post(self, message: Message) -> Posted:
        """Write one message, durable on return; attachments lie beside the file."""
        try:
            path = Path(self._route.path) if self._route.path else private_folder(self._letters) / _name(message)
            _write(path, written(message).encode("utf-8", "replace"))
            for attachment in message.attachments:
                _write(path.with_name(f"{path.stem}-{_safe(attachment.name)}"), attachment.content or b"")
        except JournalError as error:
            return Posted("failed", str(error))
        except FileExistsError:
            return Posted("failed", tr("{path}: there is a file already, and it says something else", path=path))
        except OSError as error:
            return Posted("failed", f"{path}: {error.strerror}")
        return Posted("sent", str(path))


def written(message: Message) -> str:
    """Give the file's text."""
    head = [f"To: {message.to}", f"Reply-To: {message.reply_to}", f"Subject: {message.subject}"]
    return "\n".join([*head, "", message.text.rstrip("\n"), ""])


def _name(message: Message) -> str:
    return f"{_safe(message.about)}-{message.key[:8]}.txt"


def _safe(text: str) -> str:
    """Give a file's name: letters, digits, dots and hyphens, no dot first."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:80] or "letter"


def _write(path: Path, content: bytes) -> None:
    """Write a new file atomically, under a temporary name first; raises FileExistsError for a different existing
    file.
    """
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)

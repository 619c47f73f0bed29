"""The state folder, readable by its owner alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.ownership import refuse_shared
from stopgap.orchestrator.text import tr

_NAME = "controller"


def state_home(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of journal and runs: `$STOPGAP_HOME`, else `stopgap` below the user's state directory.

    The state directory is `$XDG_STATE_HOME`, if absolute, or `~/.local/state` (XDG Base Directory Specification).
    Raises SharedHomeError if another account could change the content.
    """
    values = os.environ if environ is None else environ
    state = Path(values.get("XDG_STATE_HOME", ""))
    home = (state if state.is_absolute() else Path("~/.local/state").expanduser()) / "stopgap"
    if chosen := values.get("STOPGAP_HOME"):
        home = Path(chosen).expanduser().absolute()
    refuse_shared(home)
    return home


def controller_name(home: Path) -> str:
    """Return the controller's name on devices: 8 characters.

    The name comes from machine-id(5), else the hostname, and from the state folder. A state folder keeps the name of
    its first run, despite a later rename of the machine.
    """
    try:
        kept = (home / _NAME).read_text().strip()
    except (OSError, ValueError):
        kept = ""
    if re.fullmatch("[0-9a-f]{8}", kept):
        return kept
    import hashlib  # noqa: PLC0415 - of a state folder's first run
    import socket  # noqa: PLC0415

    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = ""
    return hashlib.sha256(f"{machine or socket.gethostname()}\0{home.resolve()}".encode()).hexdigest()[:8]


def keep_controller_name(home: Path) -> None:
    """Write the controller's name into the state folder, unless present; a read-only folder goes without."""
    name = controller_name(home)
    with suppress(OSError):
        descriptor = os.open(home / _NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{name}\n")


def required_signers(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the file of allowed signers (ssh-keygen(1)) named by `$STOPGAP_SIGNERS`; `None` if unset."""
    chosen = (os.environ if environ is None else environ).get("STOPGAP_SIGNERS")
    return Path(chosen).expanduser().absolute() if chosen else None


def private_folder(folder: Path) -> Path:
    """Create a folder of mode 0700 with its parents, durably; an existing folder is kept as is.

    Raises JournalError if the folder cannot be created.
    """
    missing = [folder] if not folder.exists() else []
    while missing and not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    try:
        for path in reversed(missing):
            path.mkdir(mode=0o700, exist_ok=True)
            sync_folder(path.parent)
        if not folder.is_dir():
            raise NotADirectoryError(20, tr("not a directory"))
    except OSError as error:
        raise JournalError(
            tr(
                "{folder}: {strerror}; set STOPGAP_HOME to a folder that can be written",
                folder=folder,
                strerror=error.strerror,
            )
        ) from None
    return folder


def is_writable(home: Path) -> bool:
    """Return True if this account may write in a home, or create the home; False on a read-only disk."""
    if not (home / "journal.sqlite").exists():
        return True
    return os.access(home, os.W_OK | os.X_OK) and os.access(home / "journal.sqlite", os.W_OK)


def identity(path: Path) -> tuple[int, int] | None:
    """Return the identity of a file under any name: device and inode; `None` for a missing file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (fsync(2): a file's own fsync does not cover its directory entry)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

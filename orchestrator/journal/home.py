"""Where the state lives, readable by its owner alone."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.ownership import refuse_shared

_NAME = "controller"


def state_home(environ: Mapping[str, str] | None = None) -> Path:
    """Give the folder of journal and runs: `$STOPGAP_HOME`, else `stopgap` below the user's state directory.

    The latter is `$XDG_STATE_HOME`, where it is absolute, or `~/.local/state` (XDG Base Directory Specification).
    Raises SharedHomeError where another account could change what lies there.
    """
    values = os.environ if environ is None else environ
    state = Path(values.get("XDG_STATE_HOME", ""))
    home = (state if state.is_absolute() else Path("~/.local/state").expanduser()) / "stopgap"
    if chosen := values.get("STOPGAP_HOME"):
        home = Path(chosen).expanduser().absolute()
    refuse_shared(home)
    return home


def controller_name(home: Path) -> str:
    """Name the controller on devices, in 8 characters: this machine (machine-id(5), else its name) and state folder.

    A state folder keeps the name that it was given with its first run, whatever its machine is called later.
    """
    try:
        kept = (home / _NAME).read_text().strip()
    except (OSError, ValueError):
        kept = ""
    if re.fullmatch("[0-9a-f]{8}", kept):
        return kept
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = ""
    return hashlib.sha256(f"{machine or socket.gethostname()}\0{home.resolve()}".encode()).hexdigest()[:8]


def keep_controller_name(home: Path) -> None:
    """Write the controller's name into the state folder, where it is not there; a folder that cannot be written to
    goes without.
    """
    name = controller_name(home)
    with suppress(OSError):
        descriptor = os.open(home / _NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{name}\n")


def required_signers(environ: Mapping[str, str] | None = None) -> Path | None:
    """Give the file of allowed signers (ssh-keygen(1)) that `$STOPGAP_SIGNERS` names; None where it names none."""
    chosen = (os.environ if environ is None else environ).get("STOPGAP_SIGNERS")
    return Path(chosen).expanduser().absolute() if chosen else None


def private_folder(folder: Path) -> Path:
    """Make a folder of mode 0700 with its parents, each durable; one that exists is taken as it is.

    Raises JournalError where that is impossible.
    """
    missing = [folder] if not folder.exists() else []
    while missing and not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    try:
        for path in reversed(missing):
            path.mkdir(mode=0o700, exist_ok=True)
            sync_folder(path.parent)
        if not folder.is_dir():
            raise NotADirectoryError(20, "not a directory")
    except OSError as error:
        raise JournalError(f"{folder}: {error.strerror}; set STOPGAP_HOME to a folder that can be written") from None
    return folder


def is_writable(home: Path) -> bool:
    """Tell whether this account may write in a home, or make it: not on a read-only disk, nor in another's folder."""
    if not (home / "journal.sqlite").exists():
        return True
    return os.access(home, os.W_OK | os.X_OK) and os.access(home / "journal.sqlite", os.W_OK)


def identity(path: Path) -> tuple[int, int] | None:
    """Give what names a file whatever it is called: device and inode; None where it is not there."""
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

"""The operator's project: the current folder, where `stopgap init` has said that its plug-ins may run.

Python, scripts and templates of a folder act with all that the operator may do, so that nothing is taken from a
folder just because a command was typed there. `stopgap init` writes `stopgap.toml`, whose mark is good for this
folder on this machine alone: a project that was cloned, unpacked or copied brings no mark that fits.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stopgap.orchestrator.plugins.ownership import distrusted
from stopgap.orchestrator.text import tr

MARK_FILE = "stopgap.toml"
_MACHINE_ID = Path("/etc/machine-id")
_CAP = 64 << 10
"""Bytes of the marking file that are read."""
_TEXT = """\
# This folder is a project of Stopgap: the plug-ins in its folders tasks, drivers, rules, artifacts, templates,
# duties, sinks and inventories take part in every `stopgap` and `fab` that is started here. The mark is good for
# this folder on this machine alone; `stopgap init`, in a copy, makes the copy's own.
mark = "{mark}"
"""


@dataclass(frozen=True)
class Project:
    """The current folder, and whether its plug-ins may be used."""

    folder: Path | None
    """None where its plug-ins are left alone."""
    reason: str = ""
    """Why, where the folder has a marking file; empty where it has none."""


@cache
def project() -> Project:
    """Give the project of the folder in which this process was when it first asked."""
    try:
        folder = Path.cwd().resolve()
        text = _text(folder / MARK_FILE)
        if text is None or _is_stopgap_itself(folder):
            return Project(None)
        if reason := distrusted(folder) or distrusted((folder / MARK_FILE).resolve()):
            return Project(None, reason)
        mark = tomllib.loads(text).get("mark")
    except (OSError, ValueError) as error:
        return Project(None, tr("{mark_file} cannot be read: {error}", mark_file=MARK_FILE, error=error))
    if mark != mark_of(folder):
        return Project(None, tr(
"{mark_file} was made for another folder or machine; read what lies here, then run `stopgap "
"init`"
, mark_file=MARK_FILE))  # fmt: skip
    return Project(folder)


def mark_of(folder: Path) -> str:
    """Give the mark of a folder: nobody who does not know this machine can write it beforehand."""
    try:
        machine = _MACHINE_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        machine = ""
    place = folder.resolve()
    parts = ("stopgap project", machine or f"inode {place.stat().st_ino}", str(os.geteuid()), str(place))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def is_marked(folder: Path) -> bool:
    """Tell whether the folder has the mark that fits; raises OSError."""
    text = _text(folder / MARK_FILE)
    return text is not None and f'mark = "{mark_of(folder)}"' in text


def mark(folder: Path) -> None:
    """Make the folder a project; raises OSError."""
    (folder / MARK_FILE).write_text(_TEXT.format(mark=mark_of(folder)), encoding="utf-8")


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return stream.read(_CAP).decode("utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _is_stopgap_itself(folder: Path) -> bool:
    """Tell a checkout of Stopgap, whose folders hold what is shipped."""
    return (folder / "orchestrator" / "plugins").resolve() == Path(__file__).resolve().parent

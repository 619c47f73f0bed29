"""Other accounts with write access below a folder: every component of the path is checked, links included."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from stopgap.orchestrator.journal.failure import SharedHomeError
from stopgap.orchestrator.text import tr

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS = 40
"""Most symbolic links on the path, as in the kernel (path_resolution(7))."""


def refuse_shared(home: Path) -> None:
    """Raise SharedHomeError if another account may write to the state folder, or replace the state folder.

    Missing components are created with mode 0700 and not checked. root may always write, and owns the upper
    components. A folder with the sticky bit, such as /tmp, is allowed as a parent, not as the state folder itself.
    """
    for path, found in _components(home):
        last = path.name == home.name and _is_same(path, home)
        if found.st_uid not in {os.geteuid(), 0} or (last and found.st_uid != os.geteuid()):
            raise SharedHomeError(
                tr(
                    "{home} belongs to {st_uid}; {advice}",
                    home=_named(home, path),
                    st_uid=_account(found.st_uid),
                    advice=_ADVICE,
                )
            )
        if stat.S_ISLNK(found.st_mode) or not found.st_mode & _OTHERS:
            continue
        if last or not (found.st_mode & stat.S_ISVTX):
            raise SharedHomeError(
                tr("{home} can be written to by others; {advice}", home=_named(home, path), advice=_ADVICE)
            )


def refuse_writable_by_others(file: Path) -> None:
    """Raise SharedHomeError if an account other than this one and root may write to the file, or replace the file."""
    for path, found in _components(file):
        sticky_folder = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        written = found.st_mode & _OTHERS and not stat.S_ISLNK(found.st_mode) and not sticky_folder
        if written or found.st_uid not in {os.geteuid(), 0}:
            raise SharedHomeError(
                tr("{file}: others can change {path}; chmod go-w, and a folder that is yours", file=file, path=path)
            )


_ADVICE = tr("set STOPGAP_HOME to a folder that is yours alone (chmod go-w), below folders that are")


def _components(home: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield every existing component from the root on: links, and the targets of links."""
    waiting = [*home.absolute().parts[1:]]
    here, links = Path(home.absolute().anchor), 0
    yield here, here.lstat()
    while waiting:
        part = waiting.pop(0)
        if part == "..":
            here = here.parent
            continue
        path = here / part
        try:
            found = path.lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise SharedHomeError(
                tr("{path}: {strerror}; {advice}", path=path, strerror=error.strerror, advice=_ADVICE)
            ) from None
        yield path, found
        if not stat.S_ISLNK(found.st_mode):
            here = path
            continue
        links += 1
        if links > _MOST_LINKS:
            raise SharedHomeError(tr("{home}: too many symbolic links; {advice}", home=home, advice=_ADVICE))
        target = path.readlink()
        if target.is_absolute():
            here = Path(target.anchor)
            yield here, here.lstat()
        waiting = [*(target.parts[1:] if target.is_absolute() else target.parts), *waiting]


def _is_same(path: Path, home: Path) -> bool:
    try:
        return path.samefile(home)
    except OSError:
        return False


def _named(home: Path, path: Path) -> str:
    return (
        tr("the state folder {home}", home=home)
        if path == home
        else tr("{path}, on the way to the state folder {home},", path=path, home=home)
    )


def _account(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return tr("the account {number}", number=number)

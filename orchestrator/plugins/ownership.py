"""Whether a file may be trusted to be the operator's own words: who owns the file, and who else may write to it."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from stopgap.orchestrator.text import tr


def distrusted(path: Path) -> str:
    """Say why a file or a folder may hold another person's words; empty where only the operator and root write there.

    The folders above count too: whoever may rename a folder may put another in its place. A folder with the sticky
    bit, such as /tmp, keeps others from that (inode(7)).

    Raises OSError where the path, or a folder above, cannot be looked at.
    """
    for place in (path, *path.parents):
        status = place.stat()
        shared_folder = place != path and status.st_mode & stat.S_ISVTX
        if status.st_uid not in {0, os.geteuid()}:
            return tr(
                "{place} belongs to {st_uid}, not to {geteuid}",
                place=place,
                st_uid=_user(status.st_uid),
                geteuid=_user(os.geteuid()),
            )
        if status.st_mode & stat.S_IWOTH and not shared_folder:
            return tr("{place} can be written by everybody; chmod o-w {place}", place=place)
        if status.st_mode & stat.S_IWGRP and not shared_folder and not _private(status.st_gid):
            return tr(
                "{place} can be written by the group {st_gid}; chmod g-w {place}",
                place=place,
                st_gid=_group(status.st_gid),
            )
    return ""


def _private(gid: int) -> bool:
    """Tell whether only root and the operator are in a group, as in those that useradd(8) makes for each user."""
    if gid == 0:
        return True
    try:
        mine, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return mine.pw_gid == gid and group.gr_name == mine.pw_name and set(group.gr_mem) <= {mine.pw_name}


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return tr("uid {uid}", uid=uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return tr("gid {gid}", gid=gid)

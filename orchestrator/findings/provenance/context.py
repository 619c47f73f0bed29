"""What a line of a file of settings means by the lines before it: a block that it stands in, a directory that it starts in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

LONGEST = 4096
"""Characters of a line, joined with others, that are looked at."""
_DEEPEST = 32
_OPENS = re.compile(r"^\s*(?:<(?:Files|Location|Directory)(?:Match)?\s[^>]*>|location\s[^{]*\{)", re.IGNORECASE)
_CLOSES = re.compile(r"^\s*(?:</(?:Files|Location|Directory)|\})", re.IGNORECASE)
_HANDLES = re.compile(r"\b(?:SetHandler|ForceType|fastcgi_pass|uwsgi_pass|scgi_pass)\s", re.IGNORECASE)
_WORK_TREE = re.compile(r"^(.*)/\.git/config$")
_CRONTAB = re.compile(r"^/var/spool/cron/(?:crontabs/|tabs/)?([\w.-]+)$")
_AT_JOB = re.compile(r"^/var/spool/(?:cron/atjobs|at)/")
_AT_DIRECTORY = re.compile(r"^cd\s+(/\S+)\s+\|\|\s*\{")


def joined(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    r"""Yield numbered lines; a backslash at the end of a line joins the next line.

    >>> list(joined([(1, "a \\"), (2, "b")]))
    [(1, 'a  b')]
    """
    number, text = 0, ""
    for at, line in lines:
        number = number or at
        text += line[: max(0, LONGEST - len(text))]
        if text.endswith("\\"):
            text = text[:-1] + " "
            continue
        yield number, text
        number, text = 0, ""
    if text:
        yield number, text


def in_blocks(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield numbered lines of a web server's settings; a line that names a handler has its block's first line before it.

    >>> list(in_blocks([(1, '<FilesMatch "svg$">'), (2, "SetHandler php"), (3, "</FilesMatch>")]))[1]
    (2, '<FilesMatch "svg$"> SetHandler php')
    """
    opened: list[str] = []
    for number, text in joined(lines):
        opens = _OPENS.match(text[:LONGEST])
        if _HANDLES.search(text) and not opens and opened:
            yield number, f"{opened[-1]} {text.strip()}"[:LONGEST]
        else:
            yield number, text
        if opens and len(opened) < _DEEPEST:
            opened.append(opens.group(0).strip())
        elif _CLOSES.match(text) and opened:
            opened.pop()


def starts_in(path: str, lines: Sequence[tuple[int, str]]) -> str:
    """Return the directory in which the commands of a file start; empty where it is not known.

    cron(8) starts in the home of the account, at(1) where the job was made, git(1) at the top of the work tree.

    >>> starts_in("/home/ann/site/.git/config", [])
    '/home/ann/site'
    """
    if tree := _WORK_TREE.match(path):
        return tree[1]
    if table := _CRONTAB.match(path):
        return "/root" if table[1] == "root" else f"/home/{table[1]}"
    if _AT_JOB.match(path):
        return next((found[1] for _, text in lines if (found := _AT_DIRECTORY.match(text))), "")
    return ""


def absolute(name: str, directory: str) -> str:
    """Return a relative name with a `/` as a path below the directory; any other name, and without a directory, as given.

    >>> absolute("./run", "/opt/x")
    '/opt/x/run'
    """
    if not directory or "/" not in name or name.startswith(("/", "~", "$", "-")) or "://" in name:
        return name
    return posixpath.normpath(posixpath.join(directory, name))

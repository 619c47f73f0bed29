"""What a line of a file of settings means by the lines before it: a block that it stands in, a directory that it starts in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

LONGEST = 4096
"""Characters of a line, joined with others, that are looked at."""
_DEEPEST = 32
_OPENS = re.compile(r"^\s*<(?:(Files|Location|Directory|Proxy|If|ElseIf)(?:Match)?|(\w+))\b[^>]*>", re.IGNORECASE)
_CLOSES = re.compile(r"^\s*</\w+", re.IGNORECASE)
_LOCATION = re.compile(r"^\s*location\s", re.IGNORECASE)
_HANDLES = re.compile(r"^\s*(?:SetHandler|ForceType|fastcgi_pass)\s", re.IGNORECASE)
_TOKENS = re.compile(r"\"[^\"]*\"|'[^']*'|#.*|[{};]|[^\"'#{};]+|[\"']")
_WORK_TREE = re.compile(r"^(.*)/\.git/config$")
_CRONTAB = re.compile(r"^/var/spool/cron/(?:crontabs/|tabs/)?([\w.-]+)$")
_FIRST_PERSON = 1000
"""The first number of a person's account (login.defs(5), UID_MIN)."""
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
    """Yield numbered lines of a web server's settings; behind one that names a handler, the handler with its block.

    >>> list(in_blocks([(1, '<FilesMatch "svg$">'), (2, "SetHandler php"), (3, "</FilesMatch>")]))[1:3]
    [(2, 'SetHandler php'), (2, '<FilesMatch "svg$"> SetHandler php')]
    """
    opened: list[str] = []
    begun = ""
    for number, text in joined(lines):
        yield number, text
        if opens := _OPENS.match(text):
            _push(opened, opens.group(0).strip() if opens[1] else "")
        elif _CLOSES.match(text):
            del opened[-1:]
        elif _HANDLES.match(text) and not text.rstrip().endswith((";", "{", "}")):
            yield from _handled(opened, number, text)
        else:
            for part in _TOKENS.findall(text):
                if part == "{":
                    _push(opened, f"{begun.strip()} {{" if _LOCATION.match(begun) else "")
                elif part == "}":
                    del opened[-1:]
                elif part == ";":
                    yield from _handled(opened, number, begun) if _HANDLES.match(begun) else ()
                elif part[0] != "#":
                    begun = (begun + part)[-LONGEST:]
                    continue
                begun = begun if part[0] == "#" else ""
            begun = begun + " " if begun.strip() else ""


def _push(opened: list[str], first: str) -> None:
    """Add a block by its first line; a block without a name of its own is part of the block around it."""
    if len(opened) < _DEEPEST:
        opened.append(first or (opened[-1] if opened else ""))


def _handled(opened: Sequence[str], number: int, text: str) -> Iterator[tuple[int, str]]:
    if opened and opened[-1]:
        yield number, f"{opened[-1]} {text.strip()}"[:LONGEST]


def starts_in(path: str, uid: int, lines: Sequence[tuple[int, str]]) -> str:
    """Return the directory in which the commands of a file start; empty where it is not known.

    cron(8) starts in the home of the account, at(1) where the job was made, git(1) at the top of the work tree. `uid` is
    the owner of the file: the homes of services are not known.

    >>> starts_in("/home/ann/site/.git/config", 1000, [])
    '/home/ann/site'
    """
    if tree := _WORK_TREE.match(path):
        return tree[1]
    if table := _CRONTAB.match(path):
        return "/root" if table[1] == "root" else f"/home/{table[1]}" if uid >= _FIRST_PERSON else ""
    if _AT_JOB.match(path):
        return next((found[1] for _, text in lines if (found := _AT_DIRECTORY.match(text))), "")
    return ""


def absolute(name: str, directory: str) -> str:
    """Return a relative name with a `/` as a path below the directory.

    Any other name is returned unchanged, and every name if the directory is empty.

    >>> absolute("./run", "/opt/x")
    '/opt/x/run'
    """
    if not directory or "/" not in name or name.startswith(("/", "~", "$", "-")) or "://" in name:
        return name
    return posixpath.normpath(posixpath.join(directory, name))

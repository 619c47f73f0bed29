"""Programs served by a web server: lines, and whole files."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from itertools import islice

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import accounts, text_of
from stopgap.orchestrator.findings.tables.packages import digests_of

LARGEST = 2 << 20
"""Bytes of a program that are looked at."""
_SERVERS = frozenset({"www-data", "apache", "nginx", "httpd", "http", "wwwrun", "lighttpd", "php-fpm"})
_MOST_SERVERS = 100
"""Lines of passwd that are for one of these: each has one on an honest host."""
_UPLOADS = re.compile(r"/(uploads?|images?|img|files|media|tmp|cache|avatars?|attachments?)/", re.IGNORECASE)
_PHP = re.compile(r"\.(php\d?|phtml|pht|phar|inc)$", re.IGNORECASE)
_DECLARES = re.compile(rb"(?m)^(?:abstract |final )?(?:class|interface|trait|enum|namespace) [\w\\]")
_SETTINGS = frozenset({".htaccess", ".user.ini", "php.ini"})
_HEAD = 16 << 10
"""Bytes of a file of PHP in which a library declares its class."""
_VISITORS = re.compile(r"/(uploads?|avatars?|attachments?|tmp)/", re.IGNORECASE)
_LIBRARY = 3
"""Files of a directory that declare one, from which on it is a library."""
_RUN = r"[A-Za-z0-9+/=]{200,}|(?:\\x[0-9a-fA-F]{2}){60,}"
_ENCODED, _ANY_ENCODED = re.compile(_RUN.encode()), automaton(_RUN, captures=False, of_bytes=True)


@table(
    "web-code",
    reads="web-code",
    also="web-suspects",
    fields={
        "path": "the file",
        "name": "its last part",
        "upload": "its directory is for uploads, images or caches",
        "uid": "whose it is",
        "text": "the line",
    },
)
def web_code(collected: CollectionReader) -> Iterator[Row]:
    """Lines of programs and settings served by web servers."""
    for archive, member in _programs(collected):
        name = member.name.rpartition("/")[2]
        upload = bool(_UPLOADS.search(member.name))
        for number, text in text_of(member, LARGEST):
            row: Fields = {"path": member.name, "name": name, "upload": upload, "uid": member.uid, "text": text}
            yield Row(row, Place(archive, number, member.name))


@table(
    "web-settings",
    reads="web-code",
    also="web-suspects",
    fields={"path": "the file", "name": "its last part", "uid": "whose it is", "text": "the line"},
)
def web_settings(collected: CollectionReader) -> Iterator[Row]:
    """Lines of the settings that directories of web sites have for themselves."""
    for archive, member in _programs(collected):
        name = member.name.rpartition("/")[2]
        if name in _SETTINGS:
            for number, text in text_of(member, LARGEST):
                row: Fields = {"path": member.name, "name": name, "uid": member.uid, "text": text}
                yield Row(row, Place(archive, number, member.name))


@table(
    "web-programs",
    reads="web-code",
    also="web-suspects configuration package-digests",
    fields={
        "path": "the file",
        "php": "PHP, by its name",
        "upload": "its directory is for uploads, images or caches, and no part of a library or of a package",
        "visitors": "the directory is for files of visitors, and not for pictures or caches of the application",
        "uid": "whose it is",
        "encoded": "characters of the longest encoded run",
        "entropy": "bits a character, of that run: 6 is base64 of anything compressed",
        "share": "how much of the file that run is, 0 to 1",
        "others": "everyone may write it",
        "server": "the web server's own account may write it",
    },
)
def web_programs(collected: CollectionReader) -> Iterator[Row]:
    """Programs served by web servers, with signs of encoded code."""
    servers = server_accounts(collected)
    libraries, digests = _libraries(collected), digests_of(collected)
    for archive, member in _programs(collected):
        content = member.read(LARGEST)
        uploaded, visitors = _brought(member, libraries), bool(_VISITORS.search(member.name))
        if uploaded and not visitors and digests.brought(hashlib.md5(content, usedforsecurity=False).hexdigest()):
            uploaded = False
        runs = (found[0] for found in _ENCODED.finditer(content)) if _ANY_ENCODED.search(content) else ()
        longest = max(runs, key=len, default=b"")
        row: Fields = {
            "path": member.name,
            "php": bool(_PHP.search(member.name)),
            "upload": uploaded,
            "visitors": visitors,
            "uid": member.uid,
            "encoded": len(longest),
            "entropy": _entropy(longest),
            "share": round(len(longest) / max(1, len(content)), 2),
            "others": bool(member.mode & 0o002),
            "server": _may_write(member, servers),
        }
        yield Row(row, Place(archive, None, member.name, member.offset))


@table(
    "web-writable",
    reads="web-code",
    also="web-suspects configuration",
    fields={"site": "the directory", "count": "programs below it", "example": "one of them"},
)
def web_writable(collected: CollectionReader) -> Iterator[Row]:
    """Web sites with programs that the web server's own account may change."""
    servers = server_accounts(collected)
    counts: dict[str, int] = {}
    first: dict[str, tuple[str, Place]] = {}
    for archive, member in _programs(collected):
        if not _PHP.search(member.name) or not _may_write(member, servers):
            continue
        site = "/".join(member.name.split("/")[:4])
        if site in counts or collected.meter.hold("web sites", site):
            counts[site] = counts.get(site, 0) + 1
            first.setdefault(site, (member.name, Place(archive, None, member.name, member.offset)))
    for site, count in counts.items():
        example, place = first[site]
        yield Row({"site": site, "count": count, "example": example}, place)


def _libraries(collected: CollectionReader) -> frozenset[str]:
    """Return the directories in which nearly every file of PHP, of three and more, declares a class or a namespace.

    An application names parts of its library like places for visitors' files: `includes/cache`, `inc/Media`.
    """
    counts: dict[str, tuple[int, int]] = {}
    for _, member in _programs(collected):
        folder = member.name.rpartition("/")[0]
        if _PHP.search(member.name) and (folder in counts or collected.meter.hold("directories of code", folder)):
            declaring, all_ = counts.get(folder, (0, 0))
            counts[folder] = (declaring + bool(_DECLARES.search(member.read(_HEAD))), all_ + 1)
    return frozenset(folder for folder, (some, all_) in counts.items() if some >= _LIBRARY and some >= 0.8 * all_)


def _brought(member: Member, libraries: frozenset[str]) -> bool:
    """Tell whether a file lies where visitors' files belong, and in no part of a library that is only called so."""
    found = _UPLOADS.search(member.name)
    if found is None or found[1].lower() == "uploads":
        return found is not None
    around = {member.name[: found.start()], member.name.rpartition("/")[0]}
    return not around & libraries or not _DECLARES.search(member.read(_HEAD))


def server_accounts(collected: CollectionReader) -> frozenset[tuple[int, int]]:
    """Return user and group ids of the accounts of web servers and PHP, from the host's passwd."""
    found = (row.fields for row in accounts(collected))
    pairs = ((int(f["uid"]), int(f["gid"])) for f in found if f["name"] in _SERVERS)
    return frozenset(islice(pairs, _MOST_SERVERS))


def _may_write(member: Member, servers: frozenset[tuple[int, int]]) -> bool:
    return any(
        (member.uid == uid and member.mode & 0o200) or (member.gid == gid and member.mode & 0o020)
        for uid, gid in servers
    )


def _programs(collected: CollectionReader) -> Iterator[tuple[str, Member]]:
    """Yield the files of the archives, without duplicates: all code includes the suspects, unless truncated."""
    item = collected.item("web-code")
    whole = item is not None and item.file is not None and not item.truncated
    for archive in ("web-code",) if whole else ("web-suspects", "web-code"):
        for member in collected.members(archive):
            if member.kind == "file":
                yield archive, member


def _entropy(text: bytes) -> float:
    """Give Shannon's entropy in bits a character."""
    counts = [text.count(code) for code in set(text)]
    return round(-sum(n / len(text) * math.log2(n / len(text)) for n in counts), 2) if counts else 0.0

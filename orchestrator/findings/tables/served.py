"""Files of web sites, judged as wholes: what they do, and whether a package brought the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.provenance.served import LARGEST, Sign, signs_of_php, signs_of_script
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.packages import Digests, digests_of

_CODE = re.compile(r"\.(?:php\d?|phtml|pht|phar|inc)$", re.IGNORECASE)
_SCRIPT = re.compile(
    r"\.(?:jspx?|jspf|asp|aspx|ashx|asmx|cgi|fcgi|p[ly]|sh|shtml?|stm|[cm]?js|ts|wsgi|psgi)$", re.IGNORECASE
)
_HIDES = re.compile(rb"<\?(?:php|=)")
_HARMLESS_NAME = re.compile(
    r"\.(?:txt|md|tpl|twig|html?|xml|sample|dist|example|stub|rst|pot?|mustache|latte|blade|lock|neon|json|test)$|/(?:LICENSE|README|CHANGELOG)",
    re.IGNORECASE,
)
_NOT_SHOWN = re.compile(r"/(?:tests?|vendor/[^/]+/[^/]+/tests?|node_modules|docs?|examples?)/", re.IGNORECASE)


_MARKS = automaton(
    r"(?i)\b(?:FilesMan|WSO\s*[\d.]*\s*(?:shell|=)|c99shell|r57shell|b374k|weevely|p0wny|AnonymousFox|IndoXploit|Alfa[\s_-]?(?:Team|Shell)|China\s?Chopper|Mini\s?Shell|webshell by|backdoor by|Uname -a.{0,40}shell)\b",
    captures=False,
)
"""Names that web shells bear, and hardly any other page."""
_APPLICATION = re.compile(r"^/(?:srv|opt|home/[^/]+)/[^.].*\.(?:py|rb|php|jsp|cgi|pl|[cm]?js|ts|wsgi|psgi)$")
"""Of an application that answers requests, wherever it lies."""


@table(
    "web-files",
    reads="web-code",
    also="web-suspects web-disguised web-scripts changed-files package-digests",
    fields={
        "path": "the file",
        "weight": "0 to 4",
        "because": "what it does",
        "mark": "a name that a known web shell bears; empty without one",
        "uid": "whose it is",
        "size": "bytes",
    },
)
def web_files(collected: CollectionReader) -> Iterator[Row]:
    """Files of web sites that do what web shells, droppers and skimmers do, and that no package brought."""
    digests = digests_of(collected)
    seen: set[int] = set()
    for archive in ("web-code", "web-suspects", "web-disguised", "web-scripts", "changed-files"):
        for member in collected.members(archive):
            key = hash(member.name)
            if archive == "changed-files" and (
                not _APPLICATION.match(member.name) or "/node_modules/" in member.name
            ):
                continue
            if member.kind != "file" or key in seen or not collected.meter.hold("files of web sites"):
                continue
            seen.add(key)
            content = _content(member, archive, digests)
            mark = _MARKS.search(content) if content else None
            signs = list(_signs(member, archive, content)) if content else []
            if signs or mark:
                worst = max((sign.weight for sign in signs), default=0)
                row: Fields = {"path": member.name, "weight": worst, "uid": member.uid, "size": member.size}
                row["mark"] = mark.group(0).decode("latin-1") if mark else ""
                row |= {"because": ", ".join(dict.fromkeys(sign.text for sign in signs))}
                yield Row(row, Place(archive, None, member.name, member.offset))


def _content(member: Member, archive: str, digests: Digests) -> bytes:
    """Return the content of a file that is to be looked at; empty for one that is no code, or that a package brought."""
    name = member.name
    wanted = archive in {"web-disguised", "web-scripts"} or ".ph" in name.lower()
    if not (wanted or _CODE.search(name) or _SCRIPT.search(name)):
        return b""
    content = member.read(LARGEST)
    if member.size <= LARGEST and digests.brought(hashlib.md5(content, usedforsecurity=False).hexdigest()):
        return b""
    return content


def _signs(member: Member, archive: str, content: bytes) -> Iterator[Sign]:
    if _CODE.search(member.name):
        yield from signs_of_php(content)
    elif archive == "web-disguised" or ".ph" in member.name.lower():
        yield from signs_of_php(content)
        if not _HARMLESS_NAME.search(member.name) and not _NOT_SHOWN.search(member.name) and _HIDES.search(content):
            yield Sign(3, "is named as something else, and holds code of PHP")
    else:
        yield from signs_of_script(member.name, content)

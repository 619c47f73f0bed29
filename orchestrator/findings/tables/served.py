"""Files of web sites, judged as wholes: what they do, and whether a package brought the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.provenance.served import LARGEST, Sign, signs_of_php, signs_of_script
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.packages import Digests, digests_of

_CODE = re.compile(r"\.(?:php\d?|phtml|pht|phar|inc)$", re.IGNORECASE)
_SCRIPT = re.compile(r"\.(?:jspx?|jspf|asp|aspx|ashx|asmx|cgi|fcgi|p[ly]|sh|[cm]?js|ts|wsgi|psgi)$", re.IGNORECASE)
_HIDES = re.compile(rb"<\?(?:php|=)")
_HARMLESS_NAME = re.compile(
    r"\.(?:txt|md|tpl|twig|html?|xml|sample|dist|example|stub|rst|pot?|mustache|latte|blade|lock|neon|json|test)$|/(?:LICENSE|README|CHANGELOG)",
    re.IGNORECASE,
)
_NOT_SHOWN = re.compile(r"/(?:tests?|vendor/[^/]+/[^/]+/tests?|node_modules|docs?|examples?)/", re.IGNORECASE)


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
            signs = _signs(member, archive, digests)
            if signs:
                worst = max(sign.weight for sign in signs)
                row: Fields = {"path": member.name, "weight": worst, "uid": member.uid, "size": member.size}
                row |= {"because": ", ".join(dict.fromkeys(sign.text for sign in signs))}
                yield Row(row, Place(archive, None, member.name, member.offset))


def _signs(member: Member, archive: str, digests: Digests) -> list[Sign]:
    code = bool(_CODE.search(member.name))
    disguised = not code and (archive == "web-disguised" or ".ph" in member.name.lower())
    if not code and not disguised and archive != "web-scripts" and not _SCRIPT.search(member.name):
        return []
    content = member.read(LARGEST)
    if member.size <= LARGEST and digests.brought(hashlib.md5(content, usedforsecurity=False).hexdigest()):
        return []
    if code:
        return list(signs_of_php(content))
    if disguised:
        hidden = [*signs_of_php(content)]
        if not _HARMLESS_NAME.search(member.name) and not _NOT_SHOWN.search(member.name) and _HIDES.search(content):
            hidden.append(Sign(3, "is named as something else, and holds code of PHP"))
        return hidden
    return list(signs_of_script(member.name, content))

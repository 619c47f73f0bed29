"""Settings of web servers that lead visitors who come from a search, or a search engine, to another site."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of

_SETTINGS = re.compile(r"/\.htaccess$|^/etc/(?:apache2|httpd|nginx|lighttpd)/")
_CONDITION = re.compile(r"(?i)^\s*RewriteCond\s+%\{HTTP_(?P<by>USER_AGENT|REFERER)\}\s+(?P<of>[^!\s]\S*)")
_RULE = re.compile(r"(?i)^\s*RewriteRule\s+\S+\s+[\"']?(?:https?:)?//(?P<to>[^/\s\"'%$]+)")
_RULE_WITHIN = re.compile(r"(?i)^\s*RewriteRule\s+\S+\s+(?P<to>[^-\s\[]\S*)")
_ANY_RULE = re.compile(r"(?i)^\s*RewriteRule\s")
_NGINX = re.compile(r"(?i)^\s*if\s*\(\s*\$http_(?:user_agent|referer)\s+~\*?\s*(?P<of>[^)]+)\)")
_NGINX_TO = re.compile(r"(?i)\b(?:return\s+30\d|rewrite\s+\S+)\s+[\"']?(?:https?:)?//(?P<to>[^/\s\"';$]+)")
_SEARCHES = re.compile(r"(?i)google|bing|yahoo|yandex|baidu|duckduck|facebook|search")
_NEAR = 3
"""Lines behind a condition of nginx(8) that belong to it."""


@table(
    "redirected-visitors",
    reads="web-code",
    also="web-suspects configuration",
    fields={"path": "the file", "to": "the host, or the page, that they are led to", "of": "the visitors"},
)
def redirected_visitors(collected: CollectionReader) -> Iterator[Row]:
    """Rules that lead visitors who come from a search, or a search engine itself, to another host."""
    for archive in ("web-code", "web-suspects", "configuration"):
        for member in collected.members(archive):
            if member.kind == "file" and _SETTINGS.search(member.name):
                yield from _rules(archive, member)


def _rules(archive: str, member: Member) -> Iterator[Row]:
    of, left, from_search = "", 0, False
    for number, line in text_of(member, 256 << 10):
        text = line[:2048]
        if found := _CONDITION.match(text):
            if _SEARCHES.search(found["of"]):
                of, left, from_search = found["of"], 0, found["by"].upper() == "REFERER"
        elif found := _NGINX.match(text):
            of, left = (found["of"] if _SEARCHES.search(found["of"]) else ""), _NEAR
        elif of and (led := _led(text, from_search=from_search, in_block=left > 0)):
            yield Row({"path": member.name, "to": led["to"], "of": of}, Place(archive, number, member.name))
        if _ANY_RULE.match(text) or left == 1:
            of = ""
        left = max(0, left - 1)


def _led(text: str, *, from_search: bool, in_block: bool) -> re.Match[str] | None:
    """Return where a line leads visitors: to another host, or anywhere if they come from a search."""
    led = _RULE.match(text) or (_NGINX_TO.search(text) if in_block else None)
    return led or (_RULE_WITHIN.match(text) if from_search else None)

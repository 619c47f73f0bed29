"""PHP: versions and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.hostnumber import parse_int, to_moment

ENDS = {
    "5.6": "2018-12-31",
    "7.0": "2019-01-10",
    "7.1": "2019-12-01",
    "7.2": "2020-11-30",
    "7.3": "2021-12-06",
    "7.4": "2022-11-28",
    "8.0": "2023-11-26",
    "8.1": "2025-12-31",
    "8.2": "2026-12-31",
    "8.3": "2027-12-31",
    "8.4": "2028-12-31",
    "8.5": "2029-12-31",
}
"""When the makers of PHP end the security support of a branch (php.net, Supported Versions and EOL Versions)."""
_DPKG = re.compile(r"((?:lib[\w-]+-)?php\d[\d.]*(?:-\w+)?)(?::\w+)?\t(?:\d+:)?(\d+\.\d+)\.(\d+\S*)$")
_RPM = re.compile(r"((?:\w+-)?php\d*(?:-php)?(?:-(?:cli|fpm|common|cgi))?)-(\d+\.\d+)\.(\d+-\S+)")
_APK = re.compile(r"(php\d+)-(\d+\.\d+)\.(\d+-r\d+)")
_DISTRIBUTION = re.compile(r"[~+]deb\d+u|ubuntu|\.(el|fc|amzn)\d|-r\d+$")
_SETTING = re.compile(r"\s*php_(?:admin_)?(?:value|flag)(?:\s+|\[)([\w.]+)(?:\s+|\]\s*=\s*)(.*)")
_SERVER = re.compile(r"/etc/(?:php[^/]*/.*|apache2/.*|httpd/.*)\.conf$|/etc/(?:apache2|httpd)/sites-[^/]+/[^/]+$")


@table(
    "php-versions",
    reads="packages",
    fields={
        "version": "the branch, such as 8.2",
        "package": "the package that says so, with the rest of its version",
        "ended": "days since its makers no longer mend it, when it was collected; negative before",
        "distribution": "a distribution brought it, and may mend it still",
    },
)
def php_versions(collected: CollectionReader) -> Iterator[Row]:
    """Installed branches of PHP, each once; branches newer than this table are omitted."""
    now = to_moment(collected_at(collected)) or datetime.fromtimestamp(0, UTC)
    seen: set[str] = set()
    for number, text in collected.lines("packages"):
        found = _DPKG.match(text) or _RPM.match(text) or _APK.match(text)
        if not found or found[2] in seen or not (end := _end(found[2])):
            continue
        seen.add(found[2])
        row: Fields = {"version": found[2], "package": f"{found[1]} {found[2]}.{found[3]}"}
        row |= {"ended": (now - end).days, "distribution": bool(_DISTRIBUTION.search(found[3]))}
        yield Row(row, Place("packages", number))


def _end(version: str) -> datetime | None:
    """Return the end of life of a branch; branches older than the list get the first date of the list."""
    if version in ENDS:
        return datetime.fromisoformat(ENDS[version]).replace(tzinfo=UTC)
    major, minor = (parse_int(part, 2) for part in version.split("."))
    known = major is not None and minor is not None and 3 <= major < 7
    return datetime(2018, 12, 31, tzinfo=UTC) if known else None


@table(
    "php-settings",
    reads="configuration",
    fields={
        "path": "the file",
        "option": "the option",
        "value": "its value",
        "pages": "it is for pages, and not for the command line alone",
    },
)
def php_settings(collected: CollectionReader) -> Iterator[Row]:
    """PHP settings: in php.ini files, FPM pools, and Apache sites."""
    for member in collected.members("configuration"):
        own = "/php" in member.name and member.name.endswith(".ini")
        server = _SERVER.search(member.name)
        if member.kind != "file" or not (own or server):
            continue
        for number, text in text_of(member):
            if own:
                option, equals, value = text.partition("=")
                if not equals or text.lstrip().startswith(";"):
                    continue
            elif found := _SETTING.match(text):
                option, value = found[1], found[2]
            else:
                continue
            row: Fields = {
                "path": member.name,
                "option": option.strip().lower(),
                "value": value.strip().strip('"'),
                "pages": "/cli/" not in member.name,
            }
            yield Row(row, Place("configuration", number, member.name))

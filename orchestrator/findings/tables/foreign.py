"""Programs, libraries and modules of interpreters among those of packages that no package brought."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Place, Row, table
from stopgap.orchestrator.findings.tables.body import Entry, entries_named
from stopgap.orchestrator.findings.tables.files import FIELDS, collected_at, fields_of
from stopgap.orchestrator.findings.tables.origin import (
    STATUS,
    Scripts,
    near_installation,
    note_status,
    note_work,
    started_at,
    tells_of_work,
)
from stopgap.orchestrator.findings.tables.packages import digests_of

_LIBRARY = re.compile(r"\.so(\.[\w.]+)?$")
_LANGUAGE = re.compile(
    r"^/usr/(?:lib/python3[^/]*|share/perl5?|share/perl/[^/]+|lib/[^/]+/perl5?|share/php|lib/ruby|share/nodejs)/"
    r".*\.(?:py|pth|pm|pl|php|rb|js)$"
)
"""Modules that interpreters load from the packages' own directories."""
_SYSTEM = re.compile(
    r"^(/usr)?/(bin|sbin|lib|lib32|lib64|libx32)/|^/usr/libexec/|^/usr/(include|games)/|^/usr/share/"
)
_MADE = re.compile(
    r"/(__pycache__|node_modules|dist-packages|site-packages|dkms|jvm|ghc|R|erlang|go-\d|rustlib|chromium|firefox)/"
    r"|^(/usr)?/lib/modules/[^/]+/(build|source|modules\.)"
    r"|^/usr/share/(man|doc|locale|mime|icons|fonts|info|wordpress)/"
)


_DATA = re.compile(
    r"/(?:__pycache__|node_modules|\.build-id)/|^(?:/usr)?/lib/(?:modules|firmware|debug|locale)/|^/usr/lib/python3[^/]*/(?:dist|site)-packages/"
    r"|^/usr/share/(?:man|doc|locale|mime|icons|fonts|info|lintian|bug|wordpress|applications/mimeinfo\.cache|perl/5[^/]*/(?:unicore|pod)"
    r"|hunspell|dict|myspell|GeoIP|metainfo|app-info|appdata|glib-2\.0/schemas/gschemas\.compiled|vim/(?:vim\d+|addons|vimfiles)/doc/tags)(?:/|$)"
    r"|^/usr/(?:include|src)/|/[^/]*(?:\.cache|cache\.\w+|hwdb\.bin|\.aux|\.py[co]|\.dpkg-\w+|\.db|\.compiled|\.stamp|-archive)$"
    r"|/gconv/gconv-modules\.cache$|/jvm/|/\.uuid$|\.dir$|/(?:fontconfig|ghc|R|erlang|tex\w*|sgml|xml|emacs|rubygems|gems)/"
)
"""What packages, their triggers and their tools make of other files, and what nothing runs or heeds."""


@table("foreign-settings", reads="bodyfile package-digests", also="maintainer-scripts", fields=FIELDS)
def foreign_settings(collected: CollectionReader) -> Iterator[Row]:
    """Settings, rules and texts of no package among those of packages, which something may heed."""
    return _foreign(collected, _settings)


def _settings(entry: Entry) -> bool:
    return not _may_run(entry) and not _DATA.search(entry.name)


@table("foreign-programs", reads="bodyfile package-digests", also="maintainer-scripts", fields=FIELDS)
def foreign_programs(collected: CollectionReader) -> Iterator[Row]:
    """Programs, libraries and kernel modules among those of packages that none brought, or made when installed."""
    return _foreign(collected, _programs)


def _programs(entry: Entry) -> bool:
    return _may_run(entry) and (bool(_LANGUAGE.match(entry.name)) or not _MADE.search(entry.name))


@table(
    "marks-set-later",
    reads="bodyfile package-digests",
    fields=FIELDS
    | {"others": "files of packages with such a mark that were changed when their package was installed"},
)
def marks_set_later(collected: CollectionReader) -> Iterator[Row]:
    """Packages' programs that run as their owner or group, and were changed when no package was being installed."""
    digests, now = digests_of(collected), collected_at(collected)
    minutes: dict[int, float] = {}
    found: list[Entry] = []
    for entry in entries_named(
        collected, "bodyfile", lambda name, is_link: not is_link and (bool(_PROGRAM.match(name)) or _of_dpkg(name))
    ):
        if entry.name in STATUS:
            note_status(minutes, entry.changed)
        elif tells_of_work(entry.name):
            note_work(minutes, entry.changed)
        elif (
            _MARKED.match(entry.mode)
            and digests.knows(entry.name) == "yes"
            and collected.meter.hold("marks", entry.name)
        ):
            found.append(entry)
    started = started_at(collected)
    late = [entry for entry in found if not near_installation(entry.changed, minutes, started)]
    others = len(found) - len(late)
    for entry in late if others > len(late) else ():
        yield Row({**fields_of(entry, digests, now), "others": others}, Place("bodyfile", entry.line), entry.changed)


def _of_dpkg(name: str) -> bool:
    return name in STATUS or tells_of_work(name)


_MARKED = re.compile(r"^-(?:..[sS]|.{5}[sS])")
_PROGRAM = re.compile(r"^(?:/usr)?/(?:s?bin|lib\w*|games)/")


def _foreign(collected: CollectionReader, wanted: Callable[[Entry], bool]) -> Iterator[Row]:
    digests, now = digests_of(collected), collected_at(collected)
    minutes: dict[int, float] = {}
    found: list[Entry] = []

    def interesting(name: str, is_link: bool) -> bool:
        if name in STATUS or tells_of_work(name):
            return True
        if is_link or digests.knows(name) != "no":
            return False
        return bool(_SYSTEM.match(name))

    for entry in entries_named(collected, "bodyfile", interesting):
        if entry.name in STATUS:
            note_status(minutes, entry.changed)
        elif tells_of_work(entry.name):
            note_work(minutes, entry.changed)
        elif (
            entry.mode.startswith("-")
            and wanted(entry)
            and collected.meter.hold("programs of no package", entry.name)
        ):
            found.append(entry)
    started, scripts = started_at(collected), Scripts(collected)
    for entry in found:
        if not (near_installation(entry.changed, minutes, started) and scripts.name(entry.name)):
            yield Row(fields_of(entry, digests, now), Place("bodyfile", entry.line), entry.changed)


def _may_run(entry: Entry) -> bool:
    if "x" in entry.mode or "s" in entry.mode:
        return True
    if _LANGUAGE.match(entry.name):
        return True
    return bool(_LIBRARY.search(entry.name)) or entry.name.endswith((".ko", ".ko.xz", ".ko.zst", ".ko.gz"))

"""Autostart files: at boot, at a time, at login, with a device."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import TEXT, text_of
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.packages import Digests, digests_of

_ARCHIVES = ("cron", "units", "start-files", "transient-units", "configuration")
_KINDS = (
    ("cron", re.compile(r"/etc/(cron|anacron|at\.)|/var/spool/(cron|at|anacron)")),
    ("rc.local", re.compile(r"/etc/(rc\.d/)?rc\.local$")),
    ("init", re.compile(r"/etc/(init|rc)")),
    ("udev", re.compile(r"/udev/")),
    ("network", re.compile(r"/etc/(network/|NetworkManager/dispatcher\.d/|dhcp/)")),
    ("generator", re.compile(r"-generators?/")),
    ("unit", re.compile(r"/systemd/")),
    ("pam", re.compile(r"/etc/(pam\.d/|pam\.conf|security/)|/\.pam_environment$")),
    ("sudo", re.compile(r"/etc/sudoers")),
    ("loader", re.compile(r"/etc/ld\.so\.conf")),
    ("modules", re.compile(r"/etc/(modules|modprobe)")),
    ("package manager", re.compile(r"/etc/(apt/apt\.conf|dpkg/dpkg\.cfg|yum|dnf)")),
    ("message", re.compile(r"/etc/update-motd\.d/")),
    ("shell", re.compile(r"/etc/(profile|bash|zsh|environment|csh|skel/)|/\.(\w*profile|\w*login|\w*rc|\w*env)")),
    ("mail", re.compile(r"/\.(forward|procmailrc)$|/etc/aliases$")),
    ("inetd", re.compile(r"/etc/(x?inetd|inittab)")),
    ("desktop", re.compile(r"/autostart/")),
)
_FIELDS = {
    "path": "the file",
    "kind": "`cron`, `unit`, `shell`, `pam`, … by its path",
    "packaged": "`yes`: as a package brought it, by the controller's hash; `altered`, `no`, or `unknown`",
    "age": "days since it was written",
    "uid": "whose it is",
}


@table(
    "starts",
    reads="cron",
    also="units start-files transient-units configuration package-digests",
    fields=_FIELDS | {"target": "where a link leads", "others": "everyone may write it", "size": "bytes"},
)
def starts(collected: CollectionReader) -> Iterator[Row]:
    """Autostart files."""
    digests, now = digests_of(collected), collected_at(collected)
    for archive, member, kind in _files(collected):
        row = _fields(member, kind, digests, now)
        row |= {"target": member.target if member.kind == "link" else "", "size": member.size}
        row |= {"others": member.kind == "file" and bool(member.mode & 0o002)}
        yield Row(row, Place(archive, None, member.name, member.offset))


@table(
    "start-lines",
    reads="cron",
    also="units start-files transient-units configuration package-digests",
    fields=_FIELDS | {"text": "the line; comments are left out"},
)
def start_lines(collected: CollectionReader) -> Iterator[Row]:
    """Lines of autostart files."""
    return _lines(collected, _ARCHIVES)


def _lines(collected: CollectionReader, archives: tuple[str, ...]) -> Iterator[Row]:
    digests, now = digests_of(collected), collected_at(collected)
    for archive, member, kind in _files(collected, archives):
        if member.kind != "file" or member.size > TEXT:
            continue
        fields = _fields(member, kind, digests, now)
        for number, text in text_of(member):
            stripped = text.strip()
            if number == 1 and stripped.startswith("\x7fELF"):
                break
            if stripped and not stripped.startswith(("#", ";")):
                yield Row(fields | {"text": text}, Place(archive, number, member.name))


def _fields(member: Member, kind: str, digests: Digests, now: float) -> Fields:
    return {
        "path": member.name,
        "kind": kind,
        "packaged": _packaged(member, digests),
        "age": round((now - member.mtime) / 86400, 2),
        "uid": member.uid,
    }


def _packaged(member: Member, digests: Digests) -> str:
    wanted = digests.digest(member.name)
    if not wanted or member.kind != "file":
        return digests.knows(member.name)
    if member.size > TEXT:
        return "unknown"
    hashed = hashlib.md5(usedforsecurity=False)
    for chunk in member.chunks(TEXT, holes=True):
        hashed.update(chunk)
    return "yes" if hashed.hexdigest() == wanted else "altered"


def _files(collected: CollectionReader, archives: tuple[str, ...] = _ARCHIVES) -> Iterator[tuple[str, Member, str]]:
    """Yield the files and links with an autostart; duplicates across archives appear once."""
    for archive in archives:
        for member in collected.members(archive):
            if member.kind not in {"file", "link"}:
                continue
            kind = next((name for name, pattern in _KINDS if pattern.search(member.name)), "")
            if archive == "configuration" and kind in {"cron", "init", "rc.local", "udev", "network", "unit", ""}:
                continue  # the other archives contain these files
            if archive == "configuration" or kind or archive == "start-files":
                yield archive, member, kind or "session"

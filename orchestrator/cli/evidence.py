"""evidence ls, cat, grep, timeline: reading of collected evidence, without unpacking.

The custody log records every reader.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.custody import opened
from stopgap.orchestrator.cli.document import print_document, print_line
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.documents.evidence import (
    collections_document,
    hit_object,
    member_object,
)
from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.evidence.reader import CollectionReader, Line, lines_of
from stopgap.orchestrator.evidence.tree import MOST_HOLES
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.evidence.archive import Member
    from stopgap.orchestrator.evidence.manifest import ManifestItem
    from stopgap.orchestrator.findings.timeline import Work
    from stopgap.orchestrator.report.model import Event

_KINDS = {"file": "-", "directory": "d", "link": "l", "other": "?"}


@dataclass(frozen=True)
class LsOptions:
    """The options of `stopgap evidence ls`."""

    what: str
    item: str | None = None
    json: bool = False


@dataclass(frozen=True)
class CatOptions:
    """The options of `stopgap evidence cat`."""

    what: str
    item: str
    member: str | None = None
    raw: bool = False


@dataclass(frozen=True)
class GrepOptions:
    """The options of `stopgap evidence grep`."""

    what: str
    pattern: str
    ignore_case: bool = False
    fixed: bool = False
    """The pattern is text, no regular expression."""
    json: bool = False


@dataclass(frozen=True)
class TimelineOptions:
    """The options of `stopgap evidence timeline`."""

    what: str
    output: Path | None = None
    """None: standard output."""
    since: str | None = None
    until: str | None = None


def ls(options: LsOptions) -> int:
    """List the items of a run's collections, or the files of an archive item."""
    if options.item is None and options.json:
        print_document(collections_document(opened(options.what, "ls")))
        return 0
    if options.item is None:
        for collected in opened(options.what, "ls"):
            manifest = collected.manifest
            screens.write_line(f"{manifest.host}/{collected.folder.name}  {manifest.profile}, {manifest.started}")
            for item in manifest.items:
                state = "" if item.file else tr("  nothing came")
                state += (
                    tr("  cut: {truncated_because}", truncated_because=item.truncated_because)
                    if item.truncated
                    else ""
                )
                state += (
                    tr("  could not be looked at: {not_looked}", not_looked=item.not_looked)
                    if item.not_looked
                    else ""
                )
                screens.write_line(f"  {item.bytes:>12}  {item.file or item.id}{state}")
        return 0
    found = _items(options.what, options.item, f"ls {options.item}")
    for collected, item in found:
        for member in collected.members(item.id):
            if options.json:
                print_line(member_object(collected, item, member))
                continue
            target = f" -> {member.target}" if member.kind == "link" else ""
            owner = f"{member.uid}:{member.gid}"
            screens.write_line(
                f"{_KINDS[member.kind]}{member.mode:04o} {owner} {member.size:>10} {member.name}{target}"
            )
    return _missing(collected for collected, _ in found)


def cat(options: CatOptions) -> int:
    """Show an item, or a file of an archive item."""
    if options.raw and sys.stdout.isatty():
        raise UsageError(tr("a host's bytes as they are do not go to a terminal; send them to a file"))
    found = False
    looked_at = " ".join(filter(None, ("cat", options.item, options.member)))
    items = _items(options.what, options.item, looked_at)
    for collected, item in items:
        if options.member is None:
            found = True
            if options.raw and item.file:
                with (collected.folder / item.file).open("rb") as stream:
                    while chunk := stream.read(1 << 20):
                        sys.stdout.buffer.write(chunk)
            else:
                _show(collected.lines(item.id))
            continue
        for member in collected.members(item.id):
            if member.kind == "file" and member.name == "/" + options.member.strip("/"):
                found = True
                if options.raw:
                    if member.holes > MOST_HOLES:
                        raise Error(
                            tr(
                                "{member}: {holes} bytes of it are holes, which nobody can want",
                                member=options.member,
                                holes=member.holes,
                            )
                        )
                    for chunk in member.chunks(member.size, holes=True):
                        sys.stdout.buffer.write(chunk)
                else:
                    _show(lines_of(member.chunks(member.size), member.meter, member.name))
    if not found:
        _missing(collected for collected, _ in items)
        raise Error(
            tr(
                "{member}: no such file in {item}; `stopgap evidence ls RUN {item}` lists them",
                member=options.member,
                item=options.item,
            )
        )
    return _missing(collected for collected, _ in items)


def grep(options: GrepOptions) -> int:
    """Search all items, and files of archive items, line by line."""
    from stopgap.orchestrator.findings.pattern import check_pattern, searcher

    pattern = re.escape(options.pattern) if options.fixed else options.pattern
    try:
        check_pattern(pattern)
    except ValueError as error:
        raise UsageError(f"{options.pattern}: {error}") from None
    search = searcher(f"(?i){pattern}" if options.ignore_case else pattern)
    found = False
    all_collected = list(opened(options.what, f"grep {options.pattern}"))
    for collected in all_collected:
        for item in collected.manifest.items:
            for member, line in _all_lines(collected, item):
                if search(line.text):
                    found = True
                    if options.json:
                        print_line(hit_object(collected, item, member, line.number, line.text))
                        continue
                    where = f"{collected.manifest.host}/{collected.folder.name}/{item.file}"
                    where += f":{member.name}" if member else ""
                    screens.write_line(f"{where}:{line.number}: {line.text[:4096]}")
    return _missing(all_collected) or (0 if found else 1)


def timeline(options: TimelineOptions) -> int:
    """Write a timeline as JSONL for Timesketch."""
    from stopgap.orchestrator.findings.timeline import Window
    from stopgap.orchestrator.findings.timeline import timeline as lines

    window = Window(**{end: _moment(given) for end in ("since", "until") if (given := getattr(options, end))})
    output = sys.stdout
    try:
        if options.output:
            output = options.output.open("w", encoding="ascii")
        all_collected = list(opened(options.what, "timeline"))
        for line in lines(all_collected, _work(options.what), window):
            output.write(line + "\n")
        output.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Error(f"{options.output}: {error.strerror}") from None
    finally:
        if options.output:
            output.close()
    return _missing(all_collected)


def _moment(text: str) -> float:
    from stopgap.orchestrator.findings.tables.moments import of_iso

    if not (moment := of_iso(text)):
        raise UsageError(
            tr("{text}: no moment; such as 2026-11-23, or 2026-11-23T02:14Z (without a zone, it is UTC)", text=text)
        )
    return moment


def _items(what: str, name: str, about: str) -> list[tuple[CollectionReader, ManifestItem]]:
    """Return the items by name: an artifact's id, a file, or `host/step/file`."""
    found = [
        (collected, item)
        for collected in opened(what, about)
        for item in collected.manifest.items
        if name in {item.id, item.file, f"{collected.manifest.host}/{collected.folder.name}/{item.file}"}
        or name == f"{collected.manifest.host}/{collected.folder.name}/{item.id}"
    ]
    if not found:
        raise Error(tr("{name}: no such item; `stopgap evidence ls {what}` lists them", name=name, what=what))
    return found


def _all_lines(collected: CollectionReader, item: ManifestItem) -> Iterator[tuple[Member | None, Line]]:
    if item.file is not None and item.file.endswith(".tar"):
        for member in collected.members(item.id):
            for line in lines_of(member.chunks(member.size), member.meter, member.name):
                yield member, line
    else:
        for line in collected.lines(item.id):
            yield None, line


def _work(what: str) -> Work | None:
    from stopgap.orchestrator.findings.timeline import Work
    from stopgap.orchestrator.report.timeline import timeline as own

    if Path(what).is_dir():
        return None
    with open_journal_to_read() as journal:
        history = journal.history(journal.resolve(what))
    ended = history.finished_at or history.as_of
    done = tuple(
        (event.at.timestamp(), event.host, " ".join(part for part in _words(event) if part)) for event in own(history)
    )
    return Work(history.started_at.timestamp(), ended.timestamp(), done)


def _words(event: Event) -> tuple[str, ...]:
    return event.kind, event.text, event.result, event.detail


def _missing(all_collected: Iterable[CollectionReader]) -> int:
    """Print the unread parts of collections; return 1 if any, else 0."""
    said = [
        tr(
            "{host}/{folder}: not read: {reason}",
            host=collected.manifest.host,
            folder=collected.folder.name,
            reason=reason,
        )
        for collected in all_collected
        for reason in (*collected.meter.damaged, *collected.meter.left_out)
    ]
    for line in dict.fromkeys(said):
        screens.err().line(line, "bad")
    return 1 if said else 0


def _show(lines: Iterator[Line]) -> None:
    for line in lines:
        screens.write_line(line.text)

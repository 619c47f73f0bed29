"""evidence ls, cat, grep, timeline, findings: reading of collected evidence, without unpacking.

The custody log records every reader.
"""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.custody import opened
from stopgap.orchestrator.cli.document import print_document, print_line
from stopgap.orchestrator.documents.evidence import (
    collections_document,
    findings_object,
    hit_object,
    member_object,
)
from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.evidence.reader import CollectionReader, Line, lines_of, together
from stopgap.orchestrator.evidence.tree import MOST_HOLES
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.run.trust import trusted

if TYPE_CHECKING:
    from stopgap.orchestrator.evidence.archive import Member
    from stopgap.orchestrator.evidence.manifest import ManifestItem
    from stopgap.orchestrator.findings import Findings
    from stopgap.orchestrator.findings.apart import ReaderApart
    from stopgap.orchestrator.findings.timeline import Work
    from stopgap.orchestrator.report.model import Event

_KINDS = {"file": "-", "directory": "d", "link": "l", "other": "?"}


def ls(args: Namespace) -> int:
    """List the items of a run's collections, or the files of an archive item."""
    if args.item is None and args.json:
        print_document(collections_document(opened(args.what, "ls")))
        return 0
    if args.item is None:
        for collected in opened(args.what, "ls"):
            manifest = collected.manifest
            _say(f"{manifest.host}/{collected.folder.name}  {manifest.profile}, {manifest.started}")
            for item in manifest.items:
                state = "" if item.file else "  nothing came"
                state += f"  cut: {item.truncated_because}" if item.truncated else ""
                state += f"  could not be looked at: {item.not_looked}" if item.not_looked else ""
                _say(f"  {item.bytes:>12}  {item.file or item.id}{state}")
        return 0
    found = _items(args.what, args.item, f"ls {args.item}")
    for collected, item in found:
        for member in collected.members(item.id):
            if args.json:
                print_line(member_object(collected, item, member))
                continue
            target = f" -> {member.target}" if member.kind == "link" else ""
            owner = f"{member.uid}:{member.gid}"
            _say(f"{_KINDS[member.kind]}{member.mode:04o} {owner} {member.size:>10} {member.name}{target}")
    return _missing(collected for collected, _ in found)


def cat(args: Namespace) -> int:
    """Show an item, or a file of an archive item."""
    if args.raw and sys.stdout.isatty():
        raise UsageError("a host's bytes as they are do not go to a terminal; send them to a file")
    found = False
    looked_at = " ".join(filter(None, ("cat", args.item, args.member)))
    items = _items(args.what, args.item, looked_at)
    for collected, item in items:
        if args.member is None:
            found = True
            if args.raw and item.file:
                with (collected.folder / item.file).open("rb") as stream:
                    while chunk := stream.read(1 << 20):
                        sys.stdout.buffer.write(chunk)
            else:
                _show(collected.lines(item.id))
            continue
        for member in collected.members(item.id):
            if member.kind == "file" and member.name == "/" + args.member.strip("/"):
                found = True
                if args.raw:
                    if member.holes > MOST_HOLES:
                        raise Error(f"{args.member}: {member.holes} bytes of it are holes, which nobody can want")
                    for chunk in member.chunks(member.size, holes=True):
                        sys.stdout.buffer.write(chunk)
                else:
                    _show(lines_of(member.chunks(member.size), member.meter, member.name))
    if not found:
        _missing(collected for collected, _ in items)
        raise Error(f"{args.member}: no such file in {args.item}; `stopgap evidence ls RUN {args.item}` lists them")
    return _missing(collected for collected, _ in items)


def grep(args: Namespace) -> int:
    """Search all items, and files of archive items, line by line."""
    from stopgap.orchestrator.findings.pattern import check_pattern, searcher

    pattern = re.escape(args.pattern) if args.fixed else args.pattern
    try:
        check_pattern(pattern)
    except ValueError as error:
        raise UsageError(f"{args.pattern}: {error}") from None
    search = searcher(f"(?i){pattern}" if args.ignore_case else pattern)
    found = False
    all_collected = list(opened(args.what, f"grep {args.pattern}"))
    for collected in all_collected:
        for item in collected.manifest.items:
            for member, line in _all_lines(collected, item):
                if search(line.text):
                    found = True
                    if args.json:
                        print_line(hit_object(collected, item, member, line.number, line.text))
                        continue
                    where = f"{collected.manifest.host}/{collected.folder.name}/{item.file}"
                    where += f":{member.name}" if member else ""
                    _say(f"{where}:{line.number}: {line.text[:4096]}")
    return _missing(all_collected) or (0 if found else 1)


def timeline(args: Namespace) -> int:
    """Write a timeline as JSONL for Timesketch."""
    from stopgap.orchestrator.findings.timeline import Window
    from stopgap.orchestrator.findings.timeline import timeline as lines

    window = Window(**{end: _moment(given) for end in ("since", "until") if (given := getattr(args, end))})
    output = sys.stdout
    try:
        if args.output:
            output = Path(args.output).open("w", encoding="ascii")  # noqa: SIM115 (standard output stays open)
        all_collected = list(opened(args.what, "timeline"))
        for line in lines(all_collected, _work(args.what), window):
            output.write(line + "\n")
        output.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Error(f"{args.output}: {error.strerror}") from None
    finally:
        if args.output:
            output.close()
    return _missing(all_collected)


def findings(args: Namespace) -> int:
    """Evaluate a run's collections again, and show the findings."""
    from stopgap.orchestrator.cli.findings import show_findings
    from stopgap.orchestrator.findings import judge, load_rules, rules_in_force
    from stopgap.orchestrator.findings.apart import ReaderApart

    rules = rules_in_force()
    if args.rules:
        own = Path(args.rules)
        named = load_rules(sorted(own.glob("*.yaml")) if own.is_dir() else [own])
        ids = {rule.id for rule in named}
        rules = (*(rule for rule in rules if rule.id not in ids), *named)
    _check_yara(args.yara)
    _check_sigma(args.sigma)
    screen = screens.out()
    judged: dict[Path, Findings] = {}
    with ReaderApart(rules) as reader:
        for collected in together(list(opened(args.what, "findings"))):
            found = judge(collected, rules, reader=reader.of(collected))
            for kind, path in (("yara", args.yara), ("sigma", args.sigma)):
                found = _added(found, reader, kind, path) if path else found
            judged[collected.folder] = found
            if args.json:
                print_line(findings_object(found))
            else:
                show_findings(screen, found, every=args.all)
    code = int(any(found.unread for found in judged.values()))
    if Path(args.what).exists() or args.rules or args.yara or args.sigma:
        return code
    return _recorded(args.what, judged, code)


def _added(found: Findings, reader: ReaderApart, kind: str, path: str) -> Findings:
    """Return the findings with matches of YARA or Sigma rules, or with the reason for the failure."""
    from stopgap.orchestrator.findings.judge import BUDGET
    from stopgap.orchestrator.findings.model import NotLooked, Unread

    added = reader.held_against(found, kind, path, BUDGET)
    if not isinstance(added, str):
        return added
    missed = NotLooked(id=kind, title={"yara": "YARA rules", "sigma": "Sigma rules"}[kind], reason=added)
    unread = Unread(table=f"items, by {missed.title}", reason=added)
    return found.model_copy(
        update={"not_looked": (*found.not_looked, missed), "unread": (*found.unread, unread)},
    )


def _recorded(what: str, judged: Mapping[Path, Findings], code: int) -> int:
    """Write a run's findings beside the collections, to the journal and to the report; return the exit code."""
    from stopgap.orchestrator.cli.run import tell_unwritten
    from stopgap.orchestrator.findings.keeping import no_findings, write_findings
    from stopgap.orchestrator.run.runner import write_report

    with Journal.open_to_read(state_home()) as journal:
        if not journal.writable:
            screens.err().line(f"{journal.home} cannot be written: these findings are not recorded", "warn")
            return code
        run = journal.resolve(what)
        with journal.hold(run):
            history, folder = trusted(journal, run), journal.run_folder(run)
            before = {record.folder: record for record in history.findings}
            for kept in history.evidence:
                found = judged.get(folder / kept.folder)
                record = (
                    write_findings(folder, kept, found) if found else no_findings(kept, "its manifest is damaged")
                )
                code = code or int(bool(record.trouble))
                if record != before.get(kept.folder):
                    journal.append(run, record)
            _, unreported = write_report(journal, run)
            tell_unwritten(unreported, "")
            return code or int(bool(unreported))


def _moment(text: str) -> float:
    from stopgap.orchestrator.findings.tables.moments import of_iso

    if not (moment := of_iso(text)):
        raise UsageError(f"{text}: no moment; such as 2026-11-23, or 2026-11-23T02:14Z (without a zone, it is UTC)")
    return moment


def _check_yara(path: str | None) -> None:
    from stopgap.orchestrator.findings.yara import YaraError, load_yara

    try:
        if path:
            load_yara(Path(path))
    except YaraError as error:
        raise UsageError(str(error)) from None


def _check_sigma(path: str | None) -> None:
    from stopgap.orchestrator.findings.sigma import SigmaError, load_sigma

    try:
        if path:
            load_sigma(Path(path))
    except SigmaError as error:
        raise UsageError(str(error)) from None


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
        raise Error(f"{name}: no such item; `stopgap evidence ls {what}` lists them")
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
    with Journal.open_to_read(state_home()) as journal:
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
        f"{collected.manifest.host}/{collected.folder.name}: not read: {escape(reason)}"
        for collected in all_collected
        for reason in (*collected.meter.damaged, *collected.meter.left_out)
    ]
    for line in dict.fromkeys(said):
        screens.err().line(line, "bad")
    return 1 if said else 0


def _show(lines: Iterator[Line]) -> None:
    for line in lines:
        _say(line.text)


def _say(text: str) -> None:
    sys.stdout.write(escape(text.replace("\t", "    ")) + "\n")

"""evidence export, custody: export of evidence, and the custody log."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.screen import said
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.documents.evidence import custody_document, decryption_document, export_document
from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.evidence.custody import CustodyError, log_handling, read_log
from stopgap.orchestrator.evidence.files import FileProblem, FolderFiles
from stopgap.orchestrator.evidence.manifest import MANIFEST
from stopgap.orchestrator.evidence.reader import CollectionReader, UnreadableEvidence, open_collection
from stopgap.orchestrator.evidence.verify import collections_below
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.journal.records import EvidenceHandled
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class ExportOptions:
    """The options of `stopgap evidence export`."""

    what: str
    output: Path
    target: str | None = None
    recipients: tuple[str, ...] = ()
    tsa: str | None = None
    sign_key: Path | None = None
    json: bool = False


@dataclass(frozen=True)
class DecryptOptions:
    """The options of `stopgap evidence decrypt`."""

    what: str
    identity: Path
    output: Path
    json: bool = False


@dataclass(frozen=True)
class CustodyOptions:
    """The options of `stopgap evidence custody`."""

    what: str
    json: bool = False


def opened(what: str, about: str) -> Iterator[CollectionReader]:
    """Yield the collections of a run, or below a folder, and record the opening in the custody log."""
    for collected in _shelves(what):
        _put_on_record(what, collected, "opened", about)
        if any(item.clear for item in collected.manifest.items):
            where = f"{collected.manifest.host}/{collected.folder.name}"
            screens.err().line(
                tr("{where} is encrypted; who has a key opens it: stopgap evidence decrypt", where=where), "warn"
            )
        yield collected


def export(options: ExportOptions) -> int:
    """Write all collections of one host to one archive."""
    from stopgap.orchestrator.evidence.pack import pack
    from stopgap.orchestrator.evidence.sealing import SealingError, sealing
    from stopgap.orchestrator.evidence.timestamp import TimestampError
    from stopgap.orchestrator.signature import SignatureError

    all_collected = list(_shelves(options.what))
    hosts = sorted({collected.manifest.target for collected in all_collected})
    if options.target is None and len(hosts) > 1:
        raise UsageError(
            tr(
                "{what} holds evidence of {hosts}; an archive is of one host: add -t HOST",
                what=options.what,
                hosts=shortened(hosts),
            )
        )
    all_collected = [collected for collected in all_collected if options.target in {None, collected.manifest.target}]
    if not all_collected:
        raise UsageError(
            tr(
                "{what} holds no evidence of {target}; it does of {hosts}",
                what=options.what,
                target=options.target,
                hosts=shortened(hosts),
            )
        )
    target, key = options.output, options.sign_key
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Error(f"{target}: {error.strerror}") from None
    whole = False
    try:
        for collected in all_collected:
            whom = "".join(tr(", encrypted to {recipient}", recipient=recipient) for recipient in options.recipients)
            _put_on_record(options.what, collected, "exported", f"{target.absolute()}{whom}")
        with os.fdopen(descriptor, "wb") as stream:
            with sealing(stream, options.recipients) if options.recipients else nullcontext(stream) as clear:
                packed = pack(all_collected, clear, operator(), key, options.tsa)
            stream.flush()
            os.fsync(descriptor)
        whole = True
    except (OSError, FileProblem, SignatureError, SealingError, TimestampError) as error:
        raise Error(tr("{target}: not written: {error}", target=target, error=error)) from None
    finally:
        if not whole:
            target.unlink(missing_ok=True)
    if options.json:
        print_document(export_document(target, all_collected, packed, signed=key is not None))
        return 0
    screen = screens.out()
    listed = packed.list
    screen.line(
        tr(
            "Written: {target}: {count} collections of {host}, {entries} of its files",
            target=target,
            count=len(all_collected),
            host=listed.host,
            entries=listed.entries,
        )
    )
    if listed.left_out:
        screen.line(
            tr(
                "{left_out} paths are in the items alone; stopgap/root.jsonl says which, and why",
                left_out=listed.left_out,
            ),
            "warn",
        )
    for collected in all_collected:
        for reason in (*collected.meter.damaged, *collected.meter.left_out):
            screen.line(
                tr(
                    "{host}/{folder}: in the items alone: {reason}",
                    host=collected.manifest.host,
                    folder=collected.folder.name,
                    reason=reason,
                ),
                "warn",
            )
    screen.line(
        tr(
            "SHA-256 of stopgap/archive.json, {rest}: {sha256}",
            rest=tr("signed") if key else tr("not signed"),
            sha256=packed.sha256,
        )
    )
    return 0


def decrypted(options: DecryptOptions) -> int:
    """Decrypt collections into a new folder, beside the signed, unchanged manifests."""
    from stopgap.orchestrator.evidence.sealing import SealingError, decrypt, identities

    top, made = options.output, []
    try:
        keys = identities(options.identity)
        top.mkdir(mode=0o700)
        for collected in _shelves(options.what):
            _put_on_record(
                options.what, collected, "opened", tr("decrypted into {absolute}", absolute=top.absolute())
            )
            folder = top / collected.folder.parent.name / collected.folder.name
            folder.mkdir(mode=0o700, parents=True)
            decrypt(collected, folder, keys)
            made.append(folder)
            (screens.err() if options.json else screens.out()).line(tr("Decrypted: {folder}", folder=folder))
    except SealingError as error:
        raise Error(str(error)) from None
    except OSError as error:
        raise Error(f"{error.filename or top}: {error.strerror}") from None
    if options.json:
        print_document(decryption_document(made))
    return 0


def custody(options: CustodyOptions) -> int:
    """Show the custody log of each collection: collecting, opening, exporting."""
    if options.json:
        print_document(custody_document((collected, _log(collected)) for collected in _shelves(options.what)))
        return 0
    screen = screens.out()
    for collected in _shelves(options.what):
        screen.line(f"{collected.manifest.host}/{collected.folder.name}", "title")
        for at, handled in _log(collected):
            screen.line(f"  {said(moment(at))}  {handled.action:<9}  {handled.by}  {handled.about}")
    return 0


def _log(collected: CollectionReader) -> list[tuple[datetime, EvidenceHandled]]:
    try:
        return list(read_log(FolderFiles(collected.folder)))
    except CustodyError as error:
        raise Error(f"{collected.folder}: {error}") from None


def _put_on_record(what: str, collected: CollectionReader, action: Literal["opened", "exported"], about: str) -> None:
    handled = EvidenceHandled(
        action=action,
        host=collected.manifest.host,
        folder=f"evidence/{collected.manifest.host}/{collected.folder.name}",
        by=operator(),
        about=about[:1024],
        manifest_sha256=hashlib.sha256((collected.folder / MANIFEST).read_bytes()).hexdigest(),
    )
    try:
        log_handling(collected.folder, handled)
    except CustodyError as error:
        screens.err().line(tr("stopgap: not in the custody log: {error}", error=error), "bad")
        return
    if not Path(what).is_dir():
        with Journal.open(state_home()) as journal:
            journal.append(journal.resolve(what), handled)


def _shelves(what: str) -> Iterator[CollectionReader]:
    if Path(what).is_dir():
        folders = collections_below(Path(what))
    else:
        with Journal.open_to_read(state_home()) as journal:
            run = journal.resolve(what)
            history = journal.history(run)
            folders = [journal.run_path(run) / kept.folder for kept in history.evidence]
        show_damage(screens.err(), run, history.damage)
    if not folders:
        raise Error(tr("{what}: holds no evidence", what=what))
    for folder in folders:
        try:
            yield open_collection(folder)
        except UnreadableEvidence as error:
            screens.err().line(tr("stopgap: {error}", error=error), "bad")

"""evidence export: all collections of a host as one archive, in a file or in a store elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.custody import collections_of, put_on_record
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.documents.evidence import export_document
from stopgap.orchestrator.errors import Error, RefusedError, UsageError
from stopgap.orchestrator.evidence.delivery.destination import SftpFolder, destination
from stopgap.orchestrator.evidence.files import FileProblem
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.evidence.delivery.stream import Delivered
    from stopgap.orchestrator.evidence.pack import Packed


@dataclass(frozen=True)
class ExportOptions:
    """The options of `stopgap evidence export`."""

    what: str
    output: Path | None = None
    """A new file; or `to`."""
    to: str | None = None
    """A store, as `destination` reads it."""
    inventories: tuple[str, ...] = ()
    """How the server of `to` is logged in to."""
    target: str | None = None
    recipients: tuple[str, ...] = ()
    tsa: str | None = None
    sign_key: Path | None = None
    json: bool = False


@dataclass
class _Written:
    """Where an archive goes; `delivered` once a store has it."""

    place: str
    delivered: Delivered | None = field(default=None)


def export(options: ExportOptions) -> int:
    """Write all collections of one host to one archive."""
    from stopgap.orchestrator.evidence.pack import pack
    from stopgap.orchestrator.evidence.sealing import SealingError, sealing
    from stopgap.orchestrator.evidence.timestamp import TimestampError
    from stopgap.orchestrator.signature import SignatureError

    to = destination(options.to) if options.to else None
    all_collected = _of_one_host(options.what, options.target)
    name = _name(options, all_collected)
    written = _Written(to.url(name) if to else str((options.output or Path(name)).absolute()))
    whom = "".join(tr(", encrypted to {recipient}", recipient=recipient) for recipient in options.recipients)
    try:
        with _output(options, all_collected, written) as stream:
            for collected in all_collected:
                put_on_record(options.what, collected, "exported", f"{written.place}{whom}")
            with sealing(stream, options.recipients) if options.recipients else nullcontext(stream) as clear:
                packed = pack(all_collected, clear, operator(), options.sign_key, options.tsa)
    except (OSError, FileProblem, SignatureError, SealingError, TimestampError) as error:
        raise Error(tr("{target}: not written: {error}", target=written.place, error=error)) from None
    if options.json:
        print_document(
            export_document(
                written.place,
                all_collected,
                packed,
                written.delivered,
                signed=options.sign_key is not None,
                encrypted=bool(options.recipients),
            )
        )
        return 0
    _tell(options, written, all_collected, packed)
    return 0


def _of_one_host(what: str, target: str | None) -> list[CollectionReader]:
    """Return the collections of one host. Raises UsageError for several hosts, and for none."""
    all_collected = list(collections_of(what))
    hosts = sorted({collected.manifest.target for collected in all_collected})
    if target is None and len(hosts) > 1:
        raise UsageError(
            tr(
                "{what} holds evidence of {hosts}; an archive is of one host: add -t HOST",
                what=what,
                hosts=shortened(hosts),
            )
        )
    all_collected = [collected for collected in all_collected if target in {None, collected.manifest.target}]
    if not all_collected:
        raise UsageError(
            tr(
                "{what} holds no evidence of {target}; it does of {hosts}",
                what=what,
                target=target,
                hosts=shortened(hosts),
            )
        )
    return all_collected


def _name(options: ExportOptions, all_collected: Sequence[CollectionReader]) -> str:
    """Return the name of an archive in a store: `RUN-HOST.tar`, with `.age` where it is encrypted."""
    manifest = all_collected[0].manifest
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", f"{manifest.run}-{manifest.target}", flags=re.ASCII).lstrip(".-")
    return f"{plain[:128]}.tar{'.age' if options.recipients else ''}"


@contextmanager
def _output(options: ExportOptions, all_collected: Sequence[CollectionReader], written: _Written) -> Iterator[Any]:
    """Yield the stream of the archive, a file or a Delivery; what is not whole at the end is removed."""
    from stopgap.orchestrator.evidence.delivery.s3 import S3Store
    from stopgap.orchestrator.evidence.delivery.stream import delivering

    name = _name(options, all_collected)
    to = destination(options.to) if options.to else None
    if to is None:
        with _new_file(options.output or Path(name)) as stream:
            yield stream
    elif isinstance(to, SftpFolder):
        with _sftp(to, name, options, all_collected) as store, delivering(store) as delivery:
            yield delivery
            written.delivered = delivery.finish()
    else:
        with delivering(S3Store(to, name)) as delivery:
            yield delivery
            written.delivered = delivery.finish()


@contextmanager
def _new_file(path: Path) -> Iterator[Any]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Error(f"{path}: {error.strerror}") from None
    whole = False
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(descriptor)
        whole = True
    finally:
        if not whole:
            path.unlink(missing_ok=True)


def _sftp(to: SftpFolder, name: str, options: ExportOptions, all_collected: Sequence[CollectionReader]) -> Any:  # noqa: ANN401
    from stopgap.orchestrator.cli.store_login import server_of
    from stopgap.orchestrator.evidence.delivery.sftp import SftpStore
    from stopgap.orchestrator.inventory import load_inventory
    from stopgap.orchestrator.remote.connect import connected_sftp

    hosts = load_inventory(options.inventories).hosts if options.inventories else {}
    host = server_of(to, hosts)
    for collected in all_collected:
        if host.name == collected.manifest.target or host.address == collected.manifest.address:
            raise RefusedError(
                tr("{host} is the host that the evidence is of; its evidence goes elsewhere", host=host.name)
            )
    return SftpStore(to, name, lambda: connected_sftp(host, hosts))


def _tell(
    options: ExportOptions, written: _Written, all_collected: Sequence[CollectionReader], packed: Packed
) -> None:
    screen = screens.out()
    listed = packed.list
    screen.line(
        tr(
            "Written: {target}: {count} collections of {host}, {entries} of its files",
            target=options.output or written.place,
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
            rest=tr("signed") if options.sign_key else tr("not signed"),
            sha256=packed.sha256,
        )
    )
    if (delivered := written.delivered) is not None:
        screen.line(
            tr(
                "Read back from the store: {bytes} bytes, SHA-256 {sha256}",
                bytes=delivered.bytes,
                sha256=delivered.sha256,
            )
        )
        if not options.recipients:
            screen.line(
                tr("Not encrypted: whoever can read the store can read it; --age RECIPIENT encrypts it"), "warn"
            )

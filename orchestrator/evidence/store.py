"""Storage of an arriving collection: a file for each artifact, hashed while writing, and the manifest at the end."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from stopgap.orchestrator import __version__
from stopgap.orchestrator.evidence.closing import EvidenceError, close_collection, utc
from stopgap.orchestrator.evidence.interrupted import Arrivals
from stopgap.orchestrator.evidence.manifest import FILE_NAME, SEALED, Clear, Manifest, ManifestItem, ToolkitUsed
from stopgap.orchestrator.evidence.resume import Taken
from stopgap.orchestrator.evidence.sealing import Seal, SealingError
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hostnumber import parse_timestamp
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.journal.records import EvidenceKept
from stopgap.orchestrator.journal.reserve import reserve_of, room
from stopgap.orchestrator.task import Artifact, Collection
from stopgap.orchestrator.text import tr

STDERR_CAP = 4096
"""Characters of an item's standard error that the manifest keeps."""
DEFAULT_QUOTA = 16 << 30
"""Bytes that one run keeps of all hosts together."""
RESERVE = 1 << 30
"""Bytes that an artifact which does not count leaves free on the controller's disk; others leave `reserve_of`."""
_HOLE = 4096
"""Zeros from which on a file has a hole in their place."""
_CLOCK = re.compile(rb"\s{0,8}([0-9]{9,11}(?:\.[0-9]{1,9})?)\s")


class Quota:
    """How many bytes a run may still keep, over all hosts; for many threads."""

    def __init__(self, limit: int = DEFAULT_QUOTA) -> None:
        self._left = limit
        self._lock = Lock()

    def give_back(self, size: int) -> None:
        """Give back bytes that were taken, and are not kept any more."""
        with self._lock:
            self._left += size

    def take(self, wanted: int) -> int:
        """Take up to `wanted` bytes, and give how many were granted."""
        with self._lock:
            granted = min(wanted, self._left)
            self._left -= granted
            return granted


@dataclass(frozen=True)
class Origin:
    """The origin of a collection: run, step, host and operator."""

    run: str
    step: str
    target: str
    host: Host
    fingerprint: str | None
    """`SHA256:…` of the host's key."""
    operator: str


@dataclass
class _Arriving:
    """An artifact while data arrive."""

    artifact: Artifact
    name: str
    started: datetime
    descriptor: int | None = None
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    size: int = 0
    cut: str = ""
    overwritten: int = 0
    """Bytes that were here before, and were overwritten."""
    head: bytes = b""
    seal: Seal | None = None


class EvidenceStore:
    """Storage for one collection of one host: the Sink of the exchange with the artifacts' scripts, in order.

    Neither data from a host nor a full disk raises an exception: data not stored are marked as truncated, and the
    collection goes on.
    """

    def __init__(
        self,
        run_folder: Path,
        origin: Origin,
        collection: Collection,
        quota: Quota,
        *,
        recipients: Sequence[str] = (),
        token: str = "",
        taken: Mapping[str, Taken] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Create `evidence/<host>/<step>` below the run's folder; a repeated step gets `<step>.2` and so on.

        `token` names the directory of the collection's toolkit; `taken` maps artifacts to items of an earlier
        collection, reused without a new transfer.

        Raises EvidenceError if the folder cannot be created, ValueError for an artifact with an invalid file name.
        """
        self._run_folder, self._origin, self._collection, self._quota = run_folder, origin, collection, quota
        self._recipients, taken = recipients, taken or {}
        self._names = [_file_name(number, artifact) for number, artifact in enumerate(collection.artifacts)]
        further = collection.beside.parts if collection.beside else ()
        self._spare = {n for n, a in zip(self._names, collection.artifacts, strict=True) if a.id in further}
        """Files of parts that a short capture does not need."""
        kit = collection.toolkit
        self._toolkit = ToolkitUsed(path=kit.path, sha256=kit.sha256, bytes=kit.size, token=token) if kit else None
        self._clock = clock
        self._started = self._last = clock()
        self._items: dict[int, ManifestItem] = {}
        self._arriving: dict[int, _Arriving] = {}
        self._skew: float | None = None
        self.folder = _new_folder(run_folder / "evidence" / _part(origin.host.name), _part(origin.step))
        self._reserve = reserve_of(self.folder)
        self._arrivals = Arrivals(self.folder, self._manifest((), self._started), self._names, collection.artifacts)
        for index, artifact in enumerate(collection.artifacts):
            if artifact.id in taken:
                self._carry_over(index, taken[artifact.id])

    def data(self, index: int, chunk: bytes) -> None:
        """Store the next bytes of an artifact, up to the artifact's cap and the run's quota.

        Bytes of the next artifact may arrive before the end of this artifact: the end waits for standard error.
        """
        item = self._item(index)
        if item.cut:
            return
        kept = chunk[: item.artifact.cap - item.size]
        if len(kept) < len(chunk):
            item.cut = tr("longer than {cap} bytes", cap=item.artifact.cap)
        granted = len(kept) if item.artifact.apart else self._quota.take(len(kept))
        if granted < len(kept):
            item.cut = tr("the run's quota is used up")
        reserve = RESERVE if item.artifact.apart else self._reserve
        if granted and room(self.folder) - granted < reserve:
            last = f"{reserve >> 20} MiB" if reserve >> 20 else f"{reserve >> 10} KiB"
            granted, item.cut = (
                0,
                tr("No space left for it: the last {last} of the controller's disk are for the journal", last=last),
            )
        self._write(item, kept[:granted])

    def restart(self, index: int) -> None:
        """Forget the bytes of an arriving artifact: later bytes overwrite them, and the manifest says so."""
        item = self._arriving.get(index)
        if item is None or item.descriptor is None:
            return
        try:
            if item.seal is not None:
                item.seal.close()
            os.ftruncate(item.descriptor, 0)
            os.lseek(item.descriptor, 0, os.SEEK_SET)
            item.seal = Seal(item.descriptor, self._recipients) if self._recipients else None
        except (OSError, SealingError) as error:
            item.cut = tr(
                "the controller could not keep it: {error}", error=getattr(error, "strerror", None) or error
            )
            return
        if not item.artifact.apart:
            self._quota.give_back(item.size)
        item.overwritten += item.size
        item.hash, item.size, item.cut, item.started = hashlib.sha256(), 0, "", self._clock()

    def ended(self, index: int, output: Output) -> None:
        """Record the end of an artifact, as reported by the connection."""
        if output.stdout:  # a connection may deliver short output only here
            self.data(index, output.stdout.raw)
        self._finish(index, output)

    def close(self) -> EvidenceKept:
        """Write the manifest, and return the journal's record.

        Unfinished artifacts keep the received bytes, with an unknown exit status. Raises EvidenceError if a file read
        back from disk differs from the received data, or if the manifest cannot be written.
        """
        for index in range(len(self._names)):
            unused = index not in self._items and index not in self._arriving
            if unused and self._names[index] in self._spare:
                continue
            if index not in self._items:
                never = Output(HostText(b""), HostText(b""), None, truncated=True, ran=index in self._arriving)
                self._finish(index, never)
        items = tuple(self._items[index] for index in sorted(self._items))
        return close_collection(self._run_folder, self.folder, self._manifest(items, self._clock()), self._clock)

    def _manifest(self, items: tuple[ManifestItem, ...], ended: datetime) -> Manifest:
        origin = self._origin
        return Manifest(
            stopgap=__version__,
            run=origin.run,
            step=origin.step,
            target=origin.target,
            host=origin.host.name,
            address=origin.host.address,
            host_key=origin.fingerprint,
            operator=origin.operator,
            profile=self._collection.profile,
            started=utc(self._started),
            ended=utc(ended),
            clock_skew=self._skew,
            toolkit=self._toolkit,
            items=items,
        )

    def _carry_over(self, index: int, taken: Taken) -> None:
        """Link an earlier file into this folder; a failed link leaves the file missing."""
        item = taken.item
        if taken.path and item.file:
            file = self._names[index] + (SEALED if item.encrypted else "")
            try:
                os.link(taken.path, self.folder / file, follow_symlinks=False)
            except OSError as error:
                raise EvidenceError(
                    tr("{folder}: {strerror}", folder=self.folder / file, strerror=error.strerror)
                ) from None
            item = item.model_copy(update={"file": file})
        self._items[index] = item
        self._arrivals.ended(item)

    def _item(self, index: int) -> _Arriving:
        if index not in self._arriving:
            self._arriving[index] = _Arriving(self._collection.artifacts[index], self._names[index], self._last)
        return self._arriving[index]

    def _write(self, item: _Arriving, data: bytes) -> None:
        try:
            if item.descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                name = item.name + SEALED if self._recipients else item.name
                item.descriptor = os.open(self.folder / name, flags, 0o600)
                if self._recipients:
                    item.seal = Seal(item.descriptor, self._recipients)
            rest = memoryview(data)
            while rest:
                if item.seal:
                    written = item.seal.write(rest)
                else:
                    written = (_write_or_skip if item.artifact.apart else os.write)(item.descriptor, rest)
                item.hash.update(rest[:written])
                item.size += written
                rest = rest[written:]
        except (OSError, SealingError) as error:
            item.cut = tr(
                "the controller could not keep it: {error}", error=getattr(error, "strerror", None) or error
            )
        if len(item.head) < 64:
            item.head += data[:64]

    def _finish(self, index: int, output: Output) -> None:
        item, now = self._item(index), self._clock()
        before = output.status is None and not output.truncated and item.descriptor is None and not item.cut
        ran = output.ran and not before
        if ran and item.descriptor is None and not item.cut:
            self._write(item, b"")
        if item.artifact.id == "clock":
            self._skew = _skew(item.head, item.started, now)
        kept = item.descriptor is not None
        if item.seal is not None:
            try:
                item.seal.close()
            except (OSError, SealingError) as error:
                item.cut = item.cut or tr("the controller could not keep it: {error}", error=error)
        if item.descriptor is not None:
            if item.artifact.apart and not item.seal:
                with suppress(OSError):  # the read-back detects an incomplete file
                    os.ftruncate(item.descriptor, item.size)
            os.close(item.descriptor)
        if output.truncated and item.size >= item.artifact.cap:
            item.cut = item.cut or tr("longer than {cap} bytes", cap=item.artifact.cap)
        because = item.cut or (tr("the host's answer is not whole") if output.truncated else "")
        because = tr("the connection ended before it") if before and output.ran else because
        if item.overwritten:
            because = tr("{count} earlier bytes were overwritten by later ones", count=item.overwritten)
        self._items[index] = ManifestItem(
            id=item.artifact.id,
            about=item.artifact.about,
            command=item.artifact.script,
            command_sha256=hashlib.sha256(item.artifact.script.encode()).hexdigest(),
            ran=ran,
            exit_status=output.status,
            started=utc(item.started),
            ended=utc(now),
            file=(item.name + SEALED if item.seal else item.name) if kept else None,
            bytes=item.seal.size if item.seal else item.size,
            truncated=bool(because),
            truncated_because=because,
            sha256=(item.seal.sha256 if item.seal else item.hash.hexdigest()) if kept else None,
            stderr=str(output.stderr)[-STDERR_CAP:],
            clear=Clear(bytes=item.size, sha256=item.hash.hexdigest()) if item.seal else None,
        )
        self._arrivals.ended(self._items[index])
        del self._arriving[index]
        self._last = now


def _part(name: str) -> str:
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise ValueError(tr("{name} cannot name a folder", name=f"{name!r}"))
    return name


def _file_name(number: int, artifact: Artifact) -> str:
    name = f"{number:03d}-{artifact.id}.{artifact.suffix}"
    if not re.fullmatch(FILE_NAME, name):
        raise ValueError(tr("{name} cannot name a file of evidence", name=f"{name!r}"))
    return name


def _new_folder(parent: Path, name: str) -> Path:
    try:
        for path in (parent.parent, parent):
            path.mkdir(mode=0o700, exist_ok=True)
        for count in range(1, 1000):
            folder = parent / (name if count == 1 else f"{name}.{count}")
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise EvidenceError(tr("{parent}: {strerror}", parent=parent / name, strerror=error.strerror)) from None
    raise EvidenceError(tr("{parent}: collected a thousand times already", parent=parent / name))


def _write_or_skip(descriptor: int, data: memoryview) -> int:
    """Write the data, or leave a hole for a long run of zeros; the file gets the final length at the end."""
    if len(data) < _HOLE or data != bytes(len(data)):
        return os.write(descriptor, data)
    os.lseek(descriptor, len(data), os.SEEK_CUR)
    return len(data)


def _skew(head: bytes, started: datetime, ended: datetime) -> float | None:
    found = _CLOCK.match(head)
    if not found:
        return None
    middle = (started.timestamp() + ended.timestamp()) / 2
    said = parse_timestamp(found[1])
    return None if said is None else round(said - middle, 1)

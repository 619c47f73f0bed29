"""Reader of a collection on disk, item by item, without unpacking; every line has a maximum length."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.archive import Member, members
from stopgap.orchestrator.evidence.manifest import MANIFEST, MANIFEST_CAP, Manifest, ManifestItem
from stopgap.orchestrator.evidence.meter import Meter
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.toolkit import FOLDER

T = TypeVar("T")
LONGEST_LINE = 64 << 10
"""Bytes; the rest of a longer line is left out."""


class UnreadableEvidence(Error):  # noqa: N818
    """A collection without a readable manifest; the message names the collection."""


class Line(NamedTuple):
    """A line of an item, or of a file in an archive."""

    number: int
    """From 1."""
    text: str
    """Without its newline; bytes that are not UTF-8 are lone surrogates (PEP 383)."""


@dataclass(frozen=True)
class CollectionReader:
    """A collection: folder and manifest, with the present state of encrypted items."""

    folder: Path
    manifest: Manifest
    beside: tuple[CollectionReader, ...] = ()
    """Other collections that the same run made for the same target, whichever host they come from."""
    meter: Meter = field(default_factory=Meter, repr=False, compare=False)
    """Told of all that is read."""
    known: frozenset[bytes] = field(default=frozenset(), repr=False, compare=False)
    """MD5 and SHA-256 sums of content that an operator knows to be right."""

    kept: dict[str, tuple[Any, Meter]] = field(default_factory=dict, repr=False, compare=False)
    """What `once` has read, by name; the same in every copy of the collection."""

    def once(self, name: str, read: Callable[[CollectionReader], T]) -> T:
        """Return what `read` makes of the collection, read for the first caller alone.

        The meter of each caller is told of what was left out or damaged.
        """
        if name not in self.kept:
            part = self.meter.part()
            self.kept[name] = read(replace(self, meter=part)), part
        made, part = self.kept[name]
        self.meter.take(part)
        return made  # type: ignore[no-any-return]

    def metered(self, meter: Meter) -> CollectionReader:
        """Return the same collection, and the collections beside, with a separate meter."""
        return replace(self, meter=meter, beside=tuple(replace(other, meter=meter) for other in self.beside))

    def trace(self, id: str) -> str:  # noqa: A002
        """Return the toolkit's directory name used for an item, unique to the collection; empty without a toolkit."""
        item = self.item(id)
        if item is not None and item.earlier:
            return f"{FOLDER}{item.earlier.token}" if item.earlier.token else ""
        return f"{FOLDER}{self.manifest.toolkit.token}" if self.manifest.toolkit else ""

    def item(self, id: str) -> ManifestItem | None:  # noqa: A002
        """Return the item of an artifact; None if the artifact was not requested."""
        return next((item for item in self.manifest.items if item.id == id), None)

    def lines(self, id: str) -> Iterator[Line]:  # noqa: A002
        """Yield the lines of a text item; none for an empty or encrypted item."""
        item = self.item(id)
        if item is None or item.file is None or item.encrypted:
            return
        try:
            descriptor = os.open(self.folder / item.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            yield from lines_of(iter(lambda: stream.read(64 << 10), b""), self.meter, item.id)

    def members(self, id: str) -> Iterator[Member]:  # noqa: A002
        """Yield the entries of an archive item; none for an empty or encrypted item."""
        item = self.item(id)
        if item is not None and item.file is not None and not item.encrypted:
            try:
                yield from members(self.folder / item.file, self.meter, of=item.id, whole=not item.truncated)
            except OSError:
                return


def with_artifact(collected: CollectionReader, artifact: str) -> CollectionReader:
    """Return the collection of the same run and target that has an item of an artifact; the given one comes first."""
    return next((each for each in (collected, *collected.beside) if each.item(artifact)), collected)


def together(all_collected: Sequence[CollectionReader]) -> list[CollectionReader]:
    """Return the collections, each linked to the others of the same run and target."""

    def of(collected: CollectionReader) -> tuple[str, str]:
        return collected.manifest.run, collected.manifest.target

    return [
        replace(one, beside=tuple(o for o in all_collected if o is not one and of(o) == of(one)))
        for one in all_collected
    ]


def open_collection(folder: Path) -> CollectionReader:
    """Open a collection's folder. Raises UnreadableEvidence."""
    try:
        descriptor = os.open(folder / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            manifest = Manifest.model_validate(parse_json(stream.read(MANIFEST_CAP)))
    except (OSError, ValueError):
        raise UnreadableEvidence(tr("{folder}: missing or damaged", folder=folder / MANIFEST)) from None
    items = tuple(
        opened if (folder / str((opened := item.opened()).file)).exists() else item for item in manifest.items
    )
    return CollectionReader(folder, manifest.model_copy(update={"items": items}))


def lines_of(chunks: Iterable[bytes], meter: Meter | None = None, of: str = "") -> Iterator[Line]:
    """Split pieces of bytes at newlines; lines are cut at LONGEST_LINE bytes. `of` names the file for the meter."""
    meter = meter or Meter()
    number, rest, cut = 1, b"", False
    for chunk in chunks:
        meter.read(len(chunk))
        first, *more = chunk.split(b"\n")
        cut = cut or len(first) > LONGEST_LINE - len(rest)
        rest += first[: LONGEST_LINE - len(rest)]
        for piece in more:
            yield Line(number, rest.decode("utf-8", "surrogateescape"))
            cut = cut or len(piece) > LONGEST_LINE
            number, rest = number + 1, piece[:LONGEST_LINE]
    if rest:
        yield Line(number, rest.decode("utf-8", "surrogateescape"))
    if cut:
        meter.leave_out(tr("{of}: lines beyond their first {longest_line} bytes", of=of, longest_line=LONGEST_LINE))

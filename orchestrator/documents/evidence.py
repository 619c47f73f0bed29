"""Evidence: `evidence ls`, `grep`, `custody`, `export` and `decrypt` with `--json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from stopgap.orchestrator.documents.envelope import envelope, rfc3339
from stopgap.orchestrator.documents.not_stored import not_stored_object
from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.copying import RunStored
from stopgap.orchestrator.evidence.delivery.stream import Delivered
from stopgap.orchestrator.evidence.fetching import Fetched
from stopgap.orchestrator.evidence.manifest import ManifestItem
from stopgap.orchestrator.evidence.pack import Packed
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.model import Findings
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled
from stopgap.orchestrator.journal.evidence_waiting import NotStored


def collections_document(collections: Iterable[CollectionReader]) -> dict[str, Any]:
    """Give the collections of a run or folder, each with its items."""
    return {**envelope("evidence"), "collections": [_collection(each) for each in collections]}


def member_object(collected: CollectionReader, item: ManifestItem, member: Member) -> dict[str, Any]:
    """Give one file of an item that is an archive, as one object of a stream."""
    return {
        **envelope("evidence-file"),
        **_place(collected, item),
        "name": member.name,
        "kind": member.kind,
        "mode": f"{member.mode:04o}",
        "uid": member.uid,
        "gid": member.gid,
        "bytes": member.size,
        "target": member.target if member.kind == "link" else None,
    }


def hit_object(
    collected: CollectionReader, item: ManifestItem, member: Member | None, number: int, text: str
) -> dict[str, Any]:
    """Give one line that matches, as one object of a stream. `number`: of the line, counted from 1."""
    return {
        **envelope("evidence-line"),
        **_place(collected, item),
        "member": member.name if member else None,
        "line": number,
        "text": text,
    }


def findings_object(findings: Findings) -> dict[str, Any]:
    """Give what the rules make of one collection, as one object of a stream."""
    return {**envelope("findings"), **findings.model_dump(mode="json")}


def wire_object(collected: CollectionReader, table: str, row: Mapping[str, object]) -> dict[str, Any]:
    """Give one row of what a capture shows, as one object of a stream; `of` names the table."""
    return {
        **envelope("wire"),
        **_names(collected),
        "target": collected.manifest.target,
        "of": table,
        "row": dict(row),
    }


def custody_document(
    logs: Iterable[tuple[CollectionReader, Sequence[tuple[datetime, EvidenceHandled]]]],
) -> dict[str, Any]:
    """Give who collected, opened and exported each collection, with the time of each."""
    return {
        **envelope("custody"),
        "collections": [
            {
                **_names(collected),
                "handled": [
                    {"at": rfc3339(at), "action": one.action, "by": one.by, "about": one.about} for at, one in log
                ],
            }
            for collected, log in logs
        ],
    }


def export_document(
    place: str,
    collections: Sequence[CollectionReader],
    packed: Packed,
    delivered: Delivered | None,
    *,
    signed: bool,
    encrypted: bool,
) -> dict[str, Any]:
    """Give what an exported archive holds.

    `place`: its path or URL. `sha256`: of `stopgap/archive.json`, its list, in hexadecimal. `delivered`: bytes and
    SHA-256 of the whole archive as read back from a store, None for a file.
    """
    return {
        **envelope("export"),
        "path": place,
        "host": packed.list.host,
        "collections": len(collections),
        "files": packed.list.entries,
        "left_out": packed.list.left_out,
        "in_items_alone": [
            f"{each.manifest.host}/{each.folder.name}: {reason}"
            for each in collections
            for reason in (*each.meter.damaged, *each.meter.left_out)
        ],
        "sha256": packed.sha256,
        "signed": signed,
        "encrypted": encrypted,
        "delivered": delivered and {"bytes": delivered.bytes, "sha256": delivered.sha256},
    }


def decryption_document(folders: Iterable[Path]) -> dict[str, Any]:
    """Give the folders into which collections were decrypted."""
    return {**envelope("decryption"), "folders": [str(folder.absolute()) for folder in folders]}


def _collection(collected: CollectionReader) -> dict[str, Any]:
    manifest = collected.manifest
    return {
        **_names(collected),
        "target": manifest.target,
        "run": manifest.run,
        "profile": manifest.profile,
        "operator": manifest.operator,
        "started": manifest.started,
        "ended": manifest.ended,
        "items": [_item(item) for item in manifest.items],
    }


def _item(item: ManifestItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "about": item.about,
        "file": item.file,
        "bytes": item.bytes,
        "sha256": item.sha256,
        "exit_status": item.exit_status,
        "started": item.started,
        "ended": item.ended,
        "truncated": item.truncated,
        "truncated_because": item.truncated_because,
        "not_looked": item.not_looked,
        "encrypted": item.clear is not None,
    }


def _place(collected: CollectionReader, item: ManifestItem) -> dict[str, Any]:
    return {**_names(collected), "item": item.id, "file": item.file}


def _names(collected: CollectionReader) -> dict[str, Any]:
    return {"host": collected.manifest.host, "collection": collected.folder.name}


def storing_document(done: Iterable[RunStored], left: Iterable[NotStored]) -> dict[str, Any]:
    """Give what came into the store of evidence, and what waits for it."""
    return {
        **envelope("stored"),
        "runs": [
            {
                "run": each.run,
                "copies": [{"url": one.url, "bytes": one.size, "encrypted": one.encrypted} for one in each.copies],
                "problems": list(each.problems),
            }
            for each in done
        ],
        "not_stored": [not_stored_object(each) for each in left],
    }


def fetch_document(run: str, done: Iterable[Fetched], left: Iterable[str]) -> dict[str, Any]:
    """Give what was fetched of a run's evidence, and which collections are not on this machine."""
    return {
        **envelope("fetched"),
        "run": run,
        "collections": [
            {
                "folder": each.folder,
                "url": each.url,
                "files": each.files,
                "bytes": each.size,
                "problem": each.problem or None,
            }
            for each in done
        ],
        "not_here": list(left),
    }

"""Writes collections of evidence for tests: artifacts as text, archives as files, as a run keeps them."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stopgap.orchestrator.evidence.manifest import MANIFEST, Manifest, ManifestItem
from stopgap.orchestrator.evidence.reader import CollectionReader, open_collection
from stopgap.testing.packets import capture

STARTED = "2026-11-23T02:14:50.000000Z"
UTMP = "<hxxi32s4s32s256shhiii16s20x"
"""A record of wtmp (utmp(5))."""


def collected(folder: Path, artifacts: Mapping[str, Any], empty: tuple[str, ...] = ()) -> CollectionReader:
    """Write a collection: artifact → text, bytes, `{text, times}`, `{packets}` or an archive's files; and `empty`
    artifacts.

    `beside` is another collection of the same run.
    """
    artifacts = dict(artifacts)
    folder.mkdir(parents=True, exist_ok=True)
    items = []
    others = (collected(folder / "beside", artifacts.pop("beside")),) if "beside" in artifacts else ()
    contents = dict.fromkeys(empty, b"") | {name: content_of(given) for name, given in artifacts.items()}
    for number, (name, content) in enumerate(contents.items()):
        archive = _is_archive(artifacts.get(name))
        file = f"{number:03d}-{name}.{'tar' if archive else 'txt'}"
        (folder / file).write_bytes(content)
        items.append(item(name, file, content))
    manifest = Manifest(
        stopgap="1", run="r", step="s", target="web", host="web", address="203.0.113.10", host_key=None,
        operator="o", profile="triage", started=STARTED, ended=STARTED, clock_skew=0.0, items=tuple(items),
    )  # fmt: skip
    (folder / MANIFEST).write_bytes(manifest.canonical())
    return replace(open_collection(folder), beside=others)


def item(name: str, file: str, content: bytes, **more: object) -> ManifestItem:
    """An item that came whole, but for what `more` says."""
    fields = {
        "id": name, "about": "", "command": "", "command_sha256": "0" * 64, "ran": True, "exit_status": 0,
        "started": STARTED, "ended": STARTED, "file": file, "bytes": len(content), "truncated": False,
        "truncated_because": "", "sha256": hashlib.sha256(content).hexdigest(), "stderr": "",
    }  # fmt: skip
    return ManifestItem.model_validate(fields | more)


def content_of(given: object) -> bytes:
    """Give the bytes of an artifact: of a text, of `{text, times}`, of `{packets}`, or of an archive's files."""
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode("utf-8", "surrogateescape")
    if not isinstance(given, dict):
        raise TypeError(f"an artifact is text or an object, not {type(given).__name__}")
    if set(given) == {"packets"}:
        return capture(given["packets"])
    return tar(given) if _is_archive(given) else str(given["text"]).encode() * int(given.get("times", 1))


def _is_archive(given: object) -> bool:
    return (
        isinstance(given, dict)
        and not ("text" in given and set(given) <= {"text", "times"})
        and "packets" not in given
    )


def tar(files: dict[str, Any]) -> bytes:
    """An archive as GNU tar writes it: path → text, or `{text, hex, times, records, …}`.

    `records` are logins of wtmp by their times, `sessions` those of a user from and to, `last` the times of lastlog.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, given in files.items():
            spec = given if isinstance(given, dict) else {"text": given}
            info = tarfile.TarInfo(f".{path}")
            info.mode, info.uid, info.mtime = spec.get("mode", 0o644), spec.get("uid", 0), 1795400000
            info.mtime = spec.get("mtime", info.mtime)
            data = file_content(spec)
            if "target" in spec:
                info.type, info.linkname = tarfile.SYMTYPE, spec["target"]
            else:
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def file_content(spec: dict[str, Any]) -> bytes:
    """What is in a file that an archive's `spec` describes."""
    data = bytes.fromhex(spec.get("hex", "")) + str(spec.get("text", "")).encode("utf-8", "surrogateescape")
    data *= int(spec.get("times", 1))
    data += b"".join(record(time) for time in spec.get("records", ()))
    data += b"".join(session(*given) for given in spec.get("sessions", ()))
    return data + b"".join(struct.pack("<i32s256s", at, b"pts/0", b"198.51.100.2") for at in spec.get("last", ()))


def record(time: int, user: str = "root", kind: int = 7) -> bytes:
    """A login in wtmp, or another kind of record."""
    return struct.pack(UTMP, kind, 1, b"pts/0", b"", user.encode(), b"198.51.100.2", 0, 0, 0, time, 0, b"")


def session(user: str, began: int, ended: int | None = None) -> bytes:
    """Return the wtmp records of a session: the login, and the logout unless the session is open."""
    return record(began, user) + (record(ended, "", 8) if ended else b"")

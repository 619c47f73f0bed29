"""The manifest of a collection: artifacts, host, times, and the hashes of the received files."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stopgap.orchestrator.text import tr

MANIFEST = "manifest.json"
MANIFEST_CAP = 16 << 20
"""Bytes; no collection's manifest is larger."""
SIGNATURE = "manifest.json.sig"
"""By the operator's SSH key, where one was given."""
CUSTODY = "custody.jsonl"
"""Who collected, opened and exported it: lines as journal.jsonl has them, chained likewise."""
FINDINGS = "findings.json"
"""What the controller makes of a collection, beside what came from the host, and not vouched for by its manifest."""
ARRIVED = "arrived.jsonl"
"""What has arrived of a collection that goes on, or was broken off: the manifest takes its place."""
SEALED = ".age"
"""The end of an encrypted item's name."""
FILE_NAME = r"^[0-9]{3,}-[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(\.[a-z0-9]+)*$"
"""Of an item: number, artifact, suffix. Nothing that a host says goes into a name."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Clear(BaseModel):
    """Size and SHA-256 of an item before encryption."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    bytes: int
    sha256: Sha256


class Earlier(BaseModel):
    """The earlier collection of the same step, as source of an item."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    folder: str
    """Beside this one."""
    token: str = ""
    """Of that collection's toolkit."""


class ManifestItem(BaseModel):
    """An artifact in the manifest: command, times, exit status, file and hash."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    id: str
    about: str
    command: str
    """The script that ran on the host."""
    command_sha256: Sha256
    ran: bool
    """False: it was not begun, or the connection had ended before."""
    exit_status: int | None
    """None where the host never said."""
    started: str
    """UTC, by the controller's clock: when the one before it ended."""
    ended: str
    file: Annotated[str, Field(pattern=FILE_NAME)] | None
    """None where nothing came."""
    bytes: int
    truncated: bool
    """Cut at a cap, or broken off."""
    truncated_because: str
    sha256: Sha256 | None
    """Of the file: of the bytes as they came over the wire, or of what they were encrypted to. It was read back and
    gave the same."""
    stderr: str
    """Its end, escaped."""
    clear: Clear | None = None
    """Of the bytes as they came over the wire, where the file holds them encrypted."""
    earlier: Earlier | None = None
    """Where it was not asked for again, since a collection that was cut had it already; its times are of then."""

    @property
    def not_looked(self) -> str:
        """Return the reason for an artifact without result, such as a missing or failed tool; empty otherwise."""
        failed = self.exit_status not in {None, 0} or "not installed: " in self.stderr
        empty = (self.clear.bytes if self.clear else self.bytes) == 0
        if not self.ran or not failed or not empty:
            return ""
        return self.stderr.strip().rpartition("\n")[2] or tr(
            "exit status {exit_status}", exit_status=self.exit_status
        )

    @property
    def encrypted(self) -> bool:
        """Return True if the file is encrypted."""
        return self.file is not None and self.file.endswith(SEALED)

    def opened(self) -> ManifestItem:
        """Return the item as after decryption, with the file name without `.age`."""
        if self.clear is None or self.file is None:
            return self
        news = {"file": self.file.removesuffix(SEALED), "bytes": self.clear.bytes, "sha256": self.clear.sha256}
        return self.model_copy(update=news | {"clear": None})


class ToolkitUsed(BaseModel):
    """The controller's toolkit used on the host, unless an item names another."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    path: str
    """On the controller."""
    sha256: Sha256
    bytes: int
    token: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """Drawn for this collection; the toolkit lay in a directory in RAM, called `.stopgap-` and this."""


class Manifest(BaseModel):
    """The manifest of one collection."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    format: Literal["stopgap-evidence"] = "stopgap-evidence"
    version: Literal[1] = 1
    stopgap: str
    """Version of the program."""
    run: str
    step: str
    target: str
    host: str
    address: str
    host_key: str | None
    """`SHA256:…`; None where no network lies between."""
    operator: str
    profile: str
    started: str
    ended: str
    clock_skew: float | None
    """Seconds by which the host's clock is ahead of the controller's: the host's word, in its artifact `clock`."""
    toolkit: ToolkitUsed | None = None
    """None: the host's own tools answered."""
    items: tuple[ManifestItem, ...]

    def canonical(self) -> bytes:
        """Return the canonical bytes, as written and hashed: sorted keys, no spaces, UTF-8, final newline."""
        fields = self.model_dump(mode="json")
        for item in fields["items"]:
            for name in ("clear", "earlier"):
                if item[name] is None:
                    del item[name]
        return (json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()

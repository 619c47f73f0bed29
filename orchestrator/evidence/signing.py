"""The operator's signatures on a manifest and on the list of an exported archive."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from stopgap.orchestrator.evidence.files import Files, read
from stopgap.orchestrator.evidence.manifest import MANIFEST, MANIFEST_CAP, SIGNATURE
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.signature import SignatureError, check, sign
from stopgap.orchestrator.text import tr

_LONGEST = 64 << 10
"""Bytes of a signature; those of the largest keys take 4 kB."""


def sign_manifest(folder: Path, key: Path, sha256: str) -> None:
    """Sign the manifest of a collection's folder, unless already signed; the digest must equal `sha256`.

    `ssh-keygen -Y verify -f SIGNERS -I WHO -n stopgap -s manifest.json.sig <manifest.json` verifies the signature
    too. Raises SignatureError.
    """
    if (folder / SIGNATURE).exists():
        return
    try:
        with (folder / MANIFEST).open("rb") as stream:
            content = stream.read(MANIFEST_CAP)
    except OSError as error:
        raise SignatureError(tr("{folder}: {strerror}", folder=folder / MANIFEST, strerror=error.strerror)) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SignatureError(tr("{folder}: changed since it was written", folder=folder / MANIFEST))
    write_at_once(folder / SIGNATURE, sign(content, key))


def signature_problems(files: Files, name: str, content: bytes, signers: Path | None) -> Iterator[str]:
    """Yield problems of a file's signature, `NAME.sig` beside the file.

    An unsigned file passes, unless `signers` requires a signature.
    """
    signature = f"{name}.sig"
    found = read(files, signature, _LONGEST)
    if found is None:
        if signers or signature in files.names():
            yield tr("{name}: not signed, or the signature was removed", name=name)
        return
    with TemporaryDirectory(prefix="stopgap-") as folder:
        place = Path(folder) / signature
        place.write_bytes(found)
        try:
            check(content, place, signers)
        except SignatureError as error:
            yield str(error)

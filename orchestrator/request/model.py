"""The model of a block request, and the canonical form for the signature."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from stopgap.orchestrator.host import Network
from stopgap.orchestrator.signature import sign

NAMESPACE = "stopgap-request"
"""What the signature is for: a journal's, or git's, is none of a request."""
LONGEST = timedelta(days=365)


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class Evidence(_Part):
    """A reference to the customer's evidence: the digest of a manifest with the digests of all items."""

    host: Annotated[str, Field(max_length=64)]
    profile: Annotated[str, Field(max_length=64)]
    manifest_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BlockRequest(_Part):
    """A block request: addresses, reason, contact and expiry. Untrusted before the signature is verified."""

    format: Literal["stopgap-block-request"] = "stopgap-block-request"
    version: Literal[1] = 1
    addresses: tuple[Network, ...] = Field(min_length=1, max_length=1024)
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    contact: Annotated[str, Field(min_length=1, max_length=254)]
    created: AwareDatetime
    expires: AwareDatetime
    """Until when the addresses are to be blocked; from then on, the request asks for nothing."""
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    """Random: two requests are never the same."""
    evidence: tuple[Evidence, ...] = Field((), max_length=256)

    def canonical(self) -> bytes:
        """Return the canonical bytes for the signature: sorted keys, no spaces, UTF-8, final newline."""
        fields = self.model_dump(mode="json")
        return (json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the canonical form, used as the request's id."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def left(self, now: datetime) -> timedelta:
        """Return the time left until the request expires, in whole seconds."""
        return timedelta(seconds=int((self.expires - now).total_seconds()))


class SignedRequest(_Part):
    """The file: a request with the signature in the armoured format of ssh-keygen(1)."""

    request: BlockRequest
    signature: Annotated[str, Field(max_length=16384)]

    @classmethod
    def made(cls, request: BlockRequest, key: Path) -> SignedRequest:
        """Sign with a private key, or through an agent by the public key; raises SignatureError."""
        return cls(request=request, signature=sign(request.canonical(), key, NAMESPACE).decode())

    def text(self) -> str:
        """Give the file's text."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"

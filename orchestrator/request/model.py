"""What a block request says, and the one form of it that is signed."""

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
    """Evidence that the customer keeps: the digest of a manifest, which holds the digests of all its items."""

    host: Annotated[str, Field(max_length=64)]
    profile: Annotated[str, Field(max_length=64)]
    manifest_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BlockRequest(_Part):
    """What is asked for, why, by whom, and until when. Nothing here is believed before the signature is checked."""

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
        """Give the one form that is signed: sorted keys, no spaces, UTF-8, a newline at the end."""
        fields = self.model_dump(mode="json")
        return (json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, which names the request."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def left(self, now: datetime) -> timedelta:
        """Give for how long it still asks; whole seconds."""
        return timedelta(seconds=int((self.expires - now).total_seconds()))


class SignedRequest(_Part):
    """The file: a request and its signature, as ssh-keygen(1) arms it."""

    request: BlockRequest
    signature: Annotated[str, Field(max_length=16384)]

    @classmethod
    def made(cls, request: BlockRequest, key: Path) -> SignedRequest:
        """Sign with a private key, or by its public half where an agent holds it; raises SignatureError."""
        return cls(request=request, signature=sign(request.canonical(), key, NAMESPACE).decode())

    def text(self) -> str:
        """Give the file's text."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"

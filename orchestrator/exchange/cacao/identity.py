"""Identifiers of a playbook's objects: made of the content, so that an export is the same bytes each time."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from uuid import UUID, uuid5

NAMESPACE = UUID("7d0f5a86-5a8b-5c0c-9b0e-0d1f6b1d6c11")
"""Of Stopgap's identifiers; the namespace of the specification is kept for another rule (10.10)."""
WRITTEN = "2026-11-29T00:00:00.000Z"
"""`created` and `modified` without SOURCE_DATE_EPOCH: a time is required, and a clock never says the same."""
UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_IDENTIFIER = re.compile(rf"[a-z][a-z0-9-]*[a-z0-9]--{UUID_PATTERN}", re.IGNORECASE)


def identifier(kind: str, *parts: str) -> str:
    """Return `KIND--UUID`, the UUID of version 5 from the parts.

    >>> identifier("identity", "stopgap")
    'identity--dabaea26-2fcd-53aa-b782-91b3843484f8'
    """
    return f"{kind}--{uuid5(NAMESPACE, '/'.join((kind, *parts)))}"


def is_identifier(text: str) -> bool:
    """Return True for a text of the form `KIND--UUID`, UUIDs of version 1 to 5."""
    return _IDENTIFIER.fullmatch(text) is not None


def written_at() -> str:
    """Return the time for `created` and `modified`: SOURCE_DATE_EPOCH where it is set, else a constant."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not re.fullmatch(r"[0-9]{1,11}", epoch):
        return WRITTEN
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


STOPGAP = identifier("identity", "stopgap")
"""Who has made a playbook: a STIX identity."""
EXTENSION = identifier("extension-definition", "runbook")
"""Stopgap's extension: what of a runbook has no field in CACAO."""

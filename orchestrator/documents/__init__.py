"""What `--json` prints: one document, or one object a line, each with `schema`, `version` and times in RFC 3339, UTC.

Every function here is pure: typed values in, JSON values out. `docs/json.md` describes each schema.
"""

from stopgap.orchestrator.documents.envelope import VERSION, envelope, rfc3339

__all__ = ["VERSION", "envelope", "rfc3339"]

"""Secrets: named by a reference, revealed as late as possible to this process only, and never shown."""

from stopgap.orchestrator.secret.redaction import carried_by, redact, redact_tree
from stopgap.orchestrator.secret.secret import Secret
from stopgap.orchestrator.secret.sources import EXPECTED, SecretError

__all__ = ["EXPECTED", "Secret", "SecretError", "carried_by", "redact", "redact_tree"]

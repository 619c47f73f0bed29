"""What must be known to this process alone: named by a reference, revealed as late as can be, never shown."""

from stopgap.orchestrator.secret.redaction import carried_by, redact, redact_tree
from stopgap.orchestrator.secret.secret import Secret
from stopgap.orchestrator.secret.sources import EXPECTED, SecretError

__all__ = ["EXPECTED", "Secret", "SecretError", "carried_by", "redact", "redact_tree"]

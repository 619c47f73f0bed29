"""Secrets: named by a reference, revealed as late as possible to this process only, and never shown.

The names are imported on first use: what only redacts needs no source of secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgap.orchestrator.loading import names_of

if TYPE_CHECKING:
    from stopgap.orchestrator.secret.redaction import carried_by, redact, redact_tree
    from stopgap.orchestrator.secret.secret import Secret
    from stopgap.orchestrator.secret.sources import EXPECTED, SecretError

_MODULES = {
    "EXPECTED": "sources",
    "Secret": "secret",
    "SecretError": "sources",
    "carried_by": "redaction",
    "redact": "redaction",
    "redact_tree": "redaction",
}

__all__ = ["EXPECTED", "Secret", "SecretError", "carried_by", "redact", "redact_tree"]

__getattr__ = names_of(__name__, _MODULES)

"""JSON on standard output, and nothing else there: one document, or one object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.secret.redaction import redact_tree


def print_document(document: Mapping[str, Any]) -> None:
    """Print one document, indented, secrets redacted; every character outside ASCII is escaped."""
    sys.stdout.write(json.dumps(redact_tree(document), indent=1) + "\n")


def print_line(document: Mapping[str, Any]) -> None:
    """Print one object of a stream as one line, at once, secrets redacted."""
    sys.stdout.write(json.dumps(redact_tree(document)) + "\n")
    sys.stdout.flush()

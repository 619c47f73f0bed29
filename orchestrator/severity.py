"""The severity of a finding."""

from __future__ import annotations

from typing import Literal, TypeAlias

from stopgap.orchestrator.text import Text, tr

Severity: TypeAlias = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
"""The worst first."""


def severity_text(severity: Severity) -> Text:
    """Return a severity as a text.

    >>> severity_text("high")
    'high'
    """
    texts = {
        "info": tr("info"),
        "low": tr("low"),
        "medium": tr("medium"),
        "high": tr("high"),
        "critical": tr("critical"),
    }
    return texts[severity]

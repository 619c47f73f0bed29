"""The severity of a finding."""

from __future__ import annotations

from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
"""The worst first."""

"""`findings.json` as earlier versions wrote it, read under the names that its fields have now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RENAMED = {"sure": "confidence", "otherwise": "falsepositives", "next": "response"}


def as_of_now(findings: Any) -> Any:  # noqa: ANN401
    """Give the content of a `findings.json`, as parsed from JSON, in version 2; anything but version 1 as it is.

    >>> as_of_now({"version": 1, "findings": [{"id": "x", "sure": "low", "otherwise": "A test.", "next": "Ask."}]})
    {'version': 2, 'findings': [{'id': 'x', 'confidence': 'low', 'falsepositives': ['A test.'], 'response': 'Ask.'}]}
    """
    if not isinstance(findings, Mapping) or findings.get("version") != 1:
        return findings
    return {**findings, "version": 2, "findings": [_finding(each) for each in findings.get("findings", ())]}


def _finding(earlier: Any) -> Any:  # noqa: ANN401
    if not isinstance(earlier, Mapping):
        return earlier
    finding = {_RENAMED.get(name, name): value for name, value in earlier.items()}
    if isinstance(text := finding.get("falsepositives"), str):
        finding["falsepositives"] = [text]
    return finding

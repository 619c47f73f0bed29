"""Findings: sighting, place, reason, confidence, false positives, response, techniques.

No finding declares a host clean: a rule without a match reports the compared data. The type of each text escapes it.
"""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, model_validator

from stopgap.orchestrator.findings.earlier import as_of_now
from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.severity import SEVERITIES, Severity
from stopgap.orchestrator.technique import Technique

Confidence: TypeAlias = Literal["low", "medium", "high"]


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Sighting(_Part):
    """One sighting, with the place in the evidence."""

    what: EscapedLine
    file: EscapedLine
    """The item, by its name in the collection's folder."""
    member: EscapedLine = ""
    """The file inside that archive."""
    line: int | None = None
    """From 1, in the item or in the member."""
    offset: int | None = None
    """Bytes, of the member's header in the archive, where no line is meant."""
    pid: int | None = None
    """The process, where it is one."""
    about: EscapedLine = ""
    """What it is about: `process 7`, `account toor`, `address 198.51.100.2`, or the path of a file."""
    leads: EscapedLine = ""
    """The file that it leads to, which no package brought, if it does."""
    at: EscapedLine | None = None
    """When it came to be, ISO 8601 in UTC: by the host's clock, with what that differs from the controller's."""


class Finding(_Part):
    """The matches of one rule in one collection."""

    id: EscapedLine
    """The rule's."""
    severity: Severity
    title: EscapedLine
    seen: tuple[Sighting, ...]
    """The first of them."""
    count: int
    """All of them."""
    why: EscapedLine
    confidence: Confidence
    falsepositives: tuple[EscapedLine, ...]
    """What else, harmless, would explain what was seen."""
    response: EscapedLine
    """What to do about it."""
    tags: tuple[Technique, ...] = ()
    """Techniques of MITRE ATT&CK."""
    references: tuple[EscapedLine, ...] = ()
    """Where the technique is written down."""


class Compared(_Part):
    """A rule without a match, with the amount of data compared."""

    id: EscapedLine
    title: EscapedLine
    compared: EscapedLine
    """The tables, with the number of their rows."""


class NotLooked(_Part):
    """A rule not evaluated, or only in part, with the reason."""

    id: EscapedLine
    title: EscapedLine
    reason: EscapedLine


class Unread(_Part):
    """A table not read, or only in part: the row count is unknown."""

    table: EscapedLine
    reason: EscapedLine


class Findings(_Part):
    """The findings of all rules in one collection; equal evidence and rules give equal bytes."""

    format: Literal["stopgap-findings"] = "stopgap-findings"
    version: Literal[2] = 2
    run: EscapedLine
    step: EscapedLine
    target: EscapedLine
    """Whom it is about."""
    host: EscapedLine
    """Where it was collected: the target itself, but for what is seen of it from elsewhere."""
    profile: EscapedLine
    manifest_sha256: EscapedLine
    rules_sha256: EscapedLine
    findings: tuple[Finding, ...]
    """The worst first."""
    no_discrepancy_seen: tuple[Compared, ...]
    not_looked: tuple[NotLooked, ...]
    unread: tuple[Unread, ...] = ()
    """Where reading failed; the rules that lack these tables are in `not_looked`."""

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, fields: Any) -> Any:  # noqa: ANN401
        return as_of_now(fields)

    def canonical(self) -> bytes:
        """Return the canonical bytes, as written and hashed: sorted keys, no spaces, final newline."""
        fields = self.model_dump(mode="json")
        if not self.unread:
            del fields["unread"]
        return (json.dumps(fields, sort_keys=True, separators=(",", ":")) + "\n").encode()

    def counts(self) -> dict[Severity, int]:
        """Return the number of findings by severity, worst first, without zeros."""
        found = {severity: sum(f.severity == severity for f in self.findings) for severity in SEVERITIES}
        return {severity: count for severity, count in found.items() if count}

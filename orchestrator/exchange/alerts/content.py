"""What an alert about a run says: title, text, severity, and what to look for; the same words each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from stopgap.orchestrator.exchange.cacao.identity import identifier
from stopgap.orchestrator.exchange.case import Case, checksums, is_sure, subject
from stopgap.orchestrator.exchange.marking import Tlp
from stopgap.orchestrator.findings.model import Finding, Findings
from stopgap.orchestrator.host import CONTROLLER
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.severity import SEVERITIES, Severity
from stopgap.orchestrator.technique import technique_id

MOST_INDICATORS = 500
_LONGEST = 60_000
"""Characters of the text."""
_SHOWN = 5
"""Sightings of a finding in the text."""

IndicatorKind: TypeAlias = Literal["address", "file", "account", "sha256"]


@dataclass(frozen=True)
class Indicator:
    """An address, path, account or checksum that a finding names."""

    kind: IndicatorKind
    value: str
    about: str
    """Host and title of the finding."""
    sure: bool
    """True for what others may look for (`case.is_sure`)."""


@dataclass(frozen=True)
class Asset:
    """A host of the run."""

    name: str
    address: str
    is_target: bool


@dataclass(frozen=True)
class Alert:
    """A run, as case systems take it."""

    reference: str
    """Unique for the run, and the same each time."""
    title: str
    text: str
    """Markdown; what a host said stands between backquotes."""
    severity: Severity
    at: datetime
    tags: tuple[str, ...]
    indicators: tuple[Indicator, ...]
    left_out: int
    """Indicators beyond `MOST_INDICATORS`."""
    assets: tuple[Asset, ...]
    tlp: Tlp


def alert_of(case: Case, tlp: Tlp) -> Alert:
    """Return the alert about a run. Raises Error where findings cannot be read."""
    history = case.history
    found = sorted(case.findings(), key=lambda pair: SEVERITIES.index(pair[1].severity))
    techniques = sorted({technique_id(tag) for _, finding in found for tag in finding.tags})
    known: dict[tuple[str, str], Indicator] = {}
    for each in (each for pair in found for each in _indicators(case, *pair)):
        if each.sure or (each.kind, each.value) not in known:
            known[each.kind, each.value] = each
    indicators = tuple(known.values())
    return Alert(
        reference=identifier("stopgap", history.run).partition("--")[2],
        title=f"{history.started.runbook_name}: {', '.join(history.started.targets)} (Stopgap {history.run})"[:250],
        text=_text(case, found),
        severity=found[0][1].severity if found else "info",
        at=case.ended,
        tags=("stopgap", f"stopgap:{history.run}", *(f"attack.{each.lower()}" for each in techniques)),
        indicators=indicators[:MOST_INDICATORS],
        left_out=max(0, len(indicators) - MOST_INDICATORS),
        assets=tuple(
            Asset(name, host.address, name in history.started.targets)
            for name, host in sorted(history.hosts.items())
            if name in {*history.started.targets, *(change.host for change in case.done())} - {CONTROLLER.name}
        ),
        tlp=tlp,
    )


def _indicators(case: Case, found: Findings, finding: Finding) -> Iterator[Indicator]:
    about = f"{found.host}: {finding.title}"
    for value in checksums(finding):
        yield Indicator("sha256", value, about, sure=True)
    for seen in finding.seen:
        kind, value = subject(seen)
        if kind in {"address", "file", "account"} and value not in case.own:
            yield Indicator(kind, value, about, is_sure(case, finding, kind, value))


def _text(case: Case, found: list[tuple[Findings, Finding]]) -> str:
    history = case.history
    lines = [
        f"Run {history.run} of {code(history.started.runbook_name)}, "
        f"{_when(history.started_at)} to {_when(case.ended)}.",
        "",
        "## What was done",
        "",
    ]
    acts = sorted((change.made or change.intended, change) for change in case.done())
    lines += [f"- {_when(at)} {code(each.host)}: {code(each.change.describe())}: {each.state}" for at, each in acts]
    lines += [] if acts else ["Nothing was changed."]
    lines += ["", "## What was found", ""]
    for made, finding in found:
        lines.append(
            f"- **{finding.severity}** {code(made.host)}: {code(finding.title)}, {finding.confidence} confidence"
        )
        lines += [f"  - {_at(seen.at)}{code(seen.what)} ({code(seen.file)})" for seen in finding.seen[:_SHOWN]]
        lines += [f"  - Why: {code(finding.why)}", f"  - Response: {code(finding.response)}"]
        lines += [f"  - Otherwise: {code(each)}" for each in finding.falsepositives]
    lines += [] if found else ["No rule found anything."]
    lines += ["", "## Evidence, where Stopgap runs", ""]
    lines += [f"- {code(kept.folder)}, manifest SHA-256 {kept.manifest_sha256}" for kept in case.collections()]
    text = "\n".join(lines)
    return text if len(text) <= _LONGEST else text[:_LONGEST].rpartition("\n")[0] + "\n\n(cut here)"


def code(text: str) -> str:
    """Return text as a code span of Markdown, which no reader takes for markup.

    >>> code("a `b`<img>")
    "`a 'b'<img>`"
    """
    return f"`{escape(text).replace('`', chr(39)) or ' '}`"


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def _at(moment: str | None) -> str:
    return f"{code(moment)} " if moment else ""

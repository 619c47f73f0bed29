"""How findings look on the screen: the worst first, and never the word clean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli.screen import Screen, padded, said
from stopgap.orchestrator.cli.words import rule_titles
from stopgap.orchestrator.journal.records import FindingsMade
from stopgap.orchestrator.severity import SEVERITIES, Severity, severity_text
from stopgap.orchestrator.technique import technique_id
from stopgap.orchestrator.text import joined, tr

if TYPE_CHECKING:
    from stopgap.orchestrator.findings import Findings

WORST = 5
"""Findings that the end of a run names."""
_STYLE = {"critical": "bad", "high": "bad", "medium": "warn", "low": "", "info": "quiet"}
_SHOWN = 6
"""Places of one finding that are shown, without --all."""


def show_findings(screen: Screen, found: Findings, *, every: bool) -> None:
    """Show a collection's findings in full; with `every`, also rules without a match, and every sighting."""
    about = "" if found.target == found.host else tr(", of {target}", target=found.target)
    unread = bool(found.unread)
    screen.line(f"{found.host}/{found.step}{said(about)}: {said(_counted(found.counts(), unread=unread))}", "title")
    for finding in found.findings:
        screen.line(
            f"{padded(severity_text(finding.severity), 9)} {finding.title}  [{finding.id}]", _STYLE[finding.severity]
        )
        shown = finding.seen if every else finding.seen[:_SHOWN]
        for sighting in shown:
            where = ":".join(filter(None, (sighting.file, sighting.member, str(sighting.line or ""))))
            screen.line(f"          {sighting.what}")
            screen.line(tr("              in {where}", where=where), "quiet")
        if finding.count > len(shown):
            screen.line(tr("          … {count} more", count=finding.count - len(shown)), "quiet")
        screen.line(f"     why              {finding.why}")
        screen.line(f"     confidence       {finding.confidence}")
        for each in finding.falsepositives:
            screen.line(tr("     false positive   {each}", each=each))
        screen.line(f"     response         {finding.response}")
        if finding.tags:
            screen.line(f"     ATT&CK           {', '.join(map(technique_id, finding.tags))}")
        for each in finding.references:
            screen.line(f"     reference        {each}")
    if every:
        for compared in found.no_discrepancy_seen:
            screen.line(
                tr("no discrepancy seen: {title}  [{compared}]", title=compared.title, compared=compared.compared),
                "quiet",
            )
    else:
        count = len(found.no_discrepancy_seen)
        screen.line(tr("No discrepancy seen by {count} other rules; --all lists what they compared.", count=count))
    for missing in found.unread:
        screen.line(tr("could not be read: {table}: {reason}", table=missing.table, reason=missing.reason), "bad")
    for missed in found.not_looked:
        screen.line(tr("not looked: {title}: {reason}", title=missed.title, reason=missed.reason), "warn")
    screen.line()


def show_findings_made(screen: Screen, made: Iterable[FindingsMade], run: str) -> None:
    """Show at the end of a run how many findings there are, and the worst few of each host."""
    titles = rule_titles()
    by_host: dict[str, list[FindingsMade]] = {}
    for record in made:
        by_host.setdefault(record.target, []).append(record)
    for host, records in by_host.items():
        noted = sorted(
            (noted for record in records for noted in record.findings),
            key=lambda noted: SEVERITIES.index(noted.severity),
        )
        counts = {s: sum(noted_.severity == s for noted_ in noted) for s in SEVERITIES}
        worse = [noted_ for noted_ in noted if noted_.severity != "info"]
        unread = any(record.trouble or record.unread for record in records)
        screen.line(
            tr("Findings on {host}: {counts}", host=host, counts=_counted(counts, unread=unread)),
            "bad" if worse or unread else "",
        )
        for each in worse[:WORST]:
            screen.line(
                f"  {padded(severity_text(each.severity), 9)} {titles.get(each.title, each.title)}",
                _STYLE[each.severity],
            )
            screen.line(f"            {said(each.first)}", "quiet")
        for record in records:
            if record.trouble:
                screen.line(
                    tr("  not judged: {folder}: {trouble}", folder=record.folder, trouble=record.trouble), "bad"
                )
            for missing in record.unread[:WORST]:
                screen.line(
                    tr("  could not be read: {missing}, of {folder}", missing=missing, folder=record.folder), "bad"
                )
            if record.not_looked:
                screen.line(
                    tr(
                        "  {not_looked} rules could not look at all of {folder}",
                        not_looked=record.not_looked,
                        folder=record.folder,
                    ),
                    "warn",
                )
    if by_host:
        screen.line(tr("All of them: stopgap evidence findings {run}", run=run))


def _counted(counts: Mapping[Severity, int], *, unread: bool) -> str:
    """Return the counts as text; with unread parts, the counts are minimums."""
    some = joined(
        ", ", (tr("{count} {severity}", count=n, severity=severity_text(s)) for s, n in counts.items() if n)
    )
    if unread:
        return (
            tr("{some}, and what could not be read", some=some)
            if some
            else tr("not known: something could not be read")
        )
    return some or tr("none; no discrepancy seen in what was compared")

"""Findings joined by the object that they are about: one card for each process, file, account and address."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.findings.model import Finding, Findings, Sighting
from stopgap.orchestrator.severity import SEVERITIES, Severity


@dataclass(frozen=True)
class Seen:
    """A sighting, with its finding and the collection that it lies in."""

    found: Findings
    finding: Finding
    sighting: Sighting


@dataclass(frozen=True)
class Card:
    """Everything that findings say of one object, the worst first."""

    about: str
    host: str
    severity: Severity
    seen: tuple[Seen, ...]

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the ids of the rules that speak against it, each once."""
        return tuple(dict.fromkeys(each.finding.id for each in self.seen))

    @property
    def harmless(self) -> tuple[str, ...]:
        """Return what else would explain it, by the two worst findings."""
        return tuple(dict.fromkeys(text for each in self.seen[:2] for text in each.finding.falsepositives))


def cards(judged: Sequence[Findings], *, at_least: Severity = "low", since: str = "") -> list[Card]:
    """Join the findings of collections to cards, the worst first; each sighting stands on one card.

    A file that starts another one, or a process that runs it, shares that file's card. `since` is a time in ISO 8601,
    in UTC: sightings that are dated and older are left out.
    """
    wanted = SEVERITIES[: SEVERITIES.index(at_least) + 1]
    groups: dict[tuple[str, str], list[Seen]] = {}
    for found in judged:
        for finding in found.findings:
            if finding.severity not in wanted:
                continue
            for sighting in finding.seen:
                if not since or not sighting.at or sighting.at >= since:
                    about = sighting.leads or sighting.about or sighting.what
                    groups.setdefault((found.target, about), []).append(Seen(found, finding, sighting))
    return sorted(map(_card, groups.items()), key=_rank)


def _card(group: tuple[tuple[str, str], list[Seen]]) -> Card:
    (host, about), seen = group
    ranked = sorted(seen, key=lambda each: SEVERITIES.index(each.finding.severity))
    return Card(about, host, ranked[0].finding.severity, tuple(ranked))


def _rank(card: Card) -> tuple[int, int, str]:
    """Order by severity, then by how many different rules speak against the object."""
    return SEVERITIES.index(card.severity), -len(card.rules), card.about


def counted(all_cards: Iterable[Card]) -> dict[Severity, int]:
    """Return the number of cards of each severity that has any, worst first."""
    given = [card.severity for card in all_cards]
    return {severity: given.count(severity) for severity in SEVERITIES if severity in given}


def command(seen: Seen, run: str) -> str:
    """Return the command that shows where a sighting lies, quoted for a shell."""
    sighting = seen.sighting
    whole = "." in sighting.file  # the name of an artifact alone stands for an item of another collection
    item = f"{seen.found.host}/{seen.found.step}/{sighting.file}" if whole else sighting.file
    if sighting.member:
        return shlex.join(["stopgap", "evidence", "cat", run, item, sighting.member])
    about = sighting.leads or sighting.about
    if about.startswith("/"):
        return shlex.join(["stopgap", "evidence", "grep", run, "-F", about])
    if about.startswith("process "):
        return shlex.join(["stopgap", "evidence", "grep", run, "-F", f"/proc/{about.removeprefix('process ')}/"])
    return shlex.join(["stopgap", "evidence", "cat", run, item])

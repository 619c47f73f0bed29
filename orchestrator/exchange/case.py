"""What a run leaves for other tools: findings, collections and what was done, read as it is asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import ValidationError

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.manifest import FINDINGS
from stopgap.orchestrator.findings.model import Finding, Findings, Sighting
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.history import ChangeStatus, History
from stopgap.orchestrator.journal.records import EvidenceKept
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.text import tr

_LARGEST = 256 << 20
"""Bytes of a file of findings."""
Kind: TypeAlias = Literal["process", "account", "address", "file", "other"]
_TECHNIQUE = re.compile(r"^\| (T[0-9]{4}(?:\.[0-9]{3})?) \| ([^|]+) \|", re.MULTILINE)
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Case:
    """One run."""

    history: History
    folder: Path
    """Of the run."""

    @property
    def ended(self) -> datetime:
        """When the run ended, or the time of the last record."""
        return self.history.finished_at or self.history.as_of

    @property
    def own(self) -> frozenset[str]:
        """Addresses of the hosts of the run."""
        hosts = self.history.hosts.values()
        return frozenset({host.address for host in hosts} | {str(a) for host in hosts for a in host.addresses})

    def collections(self) -> tuple[EvidenceKept, ...]:
        """Return the collections of evidence."""
        return self.history.evidence

    def done(self) -> tuple[ChangeStatus, ...]:
        """Return the changes that were made or may have been made, those undone included."""
        return tuple(
            change
            for change in self.history.changes
            if change.state != "not-run" and not change.change.only_reads and not change.activates
        )

    def keyed_findings(self) -> Iterator[tuple[tuple[str, ...], Findings, Finding]]:
        """Yield each finding with a key that no other finding of the run has; raises Error.

        A rule may speak several times of one collection, with a severity each.
        """
        spoken: Counter[tuple[str, ...]] = Counter()
        for found, finding in self.findings():
            key = (found.host, found.step, found.target, finding.id)
            spoken[key] += 1
            yield (key if spoken[key] == 1 else (*key, str(spoken[key]))), found, finding

    def findings(self) -> Iterator[tuple[Findings, Finding]]:
        """Yield each finding with its collection, one file of findings after another; raises Error."""
        for made in self.history.findings_now():
            path = self.folder / made.folder / FINDINGS
            if made.sha256 is None:
                continue
            try:
                if path.stat().st_size > _LARGEST:
                    raise Error(tr("{path}: larger than {most} bytes", path=path, most=_LARGEST))
                found = Findings.model_validate_json(path.read_bytes())
            except OSError as error:
                raise Error(f"{path}: {error.strerror}") from None
            except ValidationError:
                raise Error(tr("{path}: no findings that Stopgap wrote", path=path)) from None
            for finding in found.findings:
                yield found, finding


def read_case(journal: Journal, name: str) -> Case:
    """Return the case of a run; raises UnknownRunError."""
    run = journal.resolve(name)
    return Case(journal.history(run), journal.run_path(run))


def subject(seen: Sighting) -> tuple[Kind, str]:
    """Return what a sighting is about: a kind and a value.

    >>> subject(Sighting(what="a shell", file="001-cron.txt", about="address 198.51.100.2"))
    ('address', '198.51.100.2')
    """
    kind, _, value = seen.about.partition(" ")
    if kind == "process" and value.isdigit():
        return "process", value
    if kind == "account" and value:
        return "account", value
    if kind == "address" and _is_address(value):
        return "address", value
    path = seen.about or seen.leads
    if path.startswith("/") and path.strip("/"):
        return "file", path
    return "other", seen.about


def is_sure(case: Case, finding: Finding, kind: Kind, value: str) -> bool:
    """Return True for what others may look for: a foreign address, of a finding of high confidence."""
    if finding.confidence != "high" or kind != "address":
        return False
    return ip_address(value).is_global and value not in case.own


def checksums(finding: Finding) -> tuple[str, ...]:
    """Return the SHA-256 checksums that a finding of high confidence names."""
    if finding.confidence != "high":
        return ()
    return tuple(dict.fromkeys(each for seen in finding.seen for each in _SHA256.findall(seen.what)))


def technique_names() -> dict[str, str]:
    """Return the names of the techniques on the manual's page, by their ids."""
    try:
        text = (folder("docs") / "attack.md").read_text(encoding="utf-8")
    except OSError:
        return {}
    return {found[1]: found[2].strip() for found in _TECHNIQUE.finditer(text)}


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True

"""Findings of a run as cards, read from `findings.json` beside the evidence, a page at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from stopgap.orchestrator.evidence.manifest import FINDINGS
from stopgap.orchestrator.findings.cards import Card, cards, counted
from stopgap.orchestrator.findings.model import Findings
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.records import FindingNoted, FindingsMade
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.text import tr

ON_A_PAGE = 25
"""Cards on one page."""
SIGHTINGS = 5
"""Sightings on one card."""
_LARGEST = 64 << 20
"""Bytes of one file of findings."""


@dataclass(frozen=True)
class Unshown:
    """A collection whose whole findings cannot be shown here, with what the journal has of them."""

    made: FindingsMade
    why: str

    @property
    def noted(self) -> tuple[FindingNoted, ...]:
        """Return the findings in short, the worst first."""
        return self.made.findings


@dataclass(frozen=True)
class CardPage:
    """One page of cards."""

    cards: tuple[Card, ...]
    first: int
    """Number of the first card, from 1; 0 without cards."""
    found: int
    """How many cards there are, of all pages."""
    page: int
    pages: int
    counts: dict[Severity, int]
    """How many cards each severity has, before any choice."""
    hosts: tuple[str, ...]
    unshown: tuple[Unshown, ...]
    not_looked: int
    """Rules that could not look, or not at everything."""
    collections: int


def card_page(
    folder: Path, history: History, *, page: int, severity: Severity | None = None, host: str = ""
) -> CardPage:
    """Return a page of the cards of a run; `folder` is the run's. A page past the last is the last."""
    judged: list[tuple[Path, str]] = []
    unshown: list[Unshown] = []
    made_all = history.findings_now()
    for made in made_all:
        path = folder / made.folder / FINDINGS
        if made.sha256 is None:
            unshown.append(Unshown(made, made.trouble or tr("the rules have not looked yet")))
        elif why := _trouble(path, made.sha256):
            unshown.append(Unshown(made, why))
        else:
            judged.append((path, made.sha256))
    everything = _cards(tuple(judged))
    chosen = [
        card for card in everything if (not severity or card.severity == severity) and (not host or card.host == host)
    ]
    pages = max(1, -(-len(chosen) // ON_A_PAGE))
    page = min(page, pages)
    first = (page - 1) * ON_A_PAGE
    return CardPage(
        tuple(chosen[first : first + ON_A_PAGE]),
        first + 1 if chosen else 0,
        len(chosen),
        page,
        pages,
        counted(everything),
        tuple(dict.fromkeys(sorted(card.host for card in everything))),
        tuple(unshown),
        sum(made.not_looked for made in made_all),
        len(made_all),
    )


def _trouble(path: Path, sha256: str) -> str:
    """Return why a file of findings is not shown; empty for the file that the journal knows."""
    try:
        if path.stat().st_size > _LARGEST:
            return tr("{path}: larger than {most} bytes", path=path, most=_LARGEST)
        stamp = path.stat()
        if _sha256(path, stamp.st_mtime_ns, stamp.st_size) != sha256:
            return tr("{path}: not as the journal has it; `stopgap verify` tells more", path=path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return "" if _read(path, sha256) is not None else tr("{path}: no findings that Stopgap wrote", path=path)


@lru_cache(maxsize=32)
def _sha256(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=8)
def _read(path: Path, sha256: str) -> Findings | None:
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            return None
        return Findings.model_validate_json(content)
    except (OSError, ValidationError):
        return None


@lru_cache(maxsize=4)
def _cards(judged: tuple[tuple[Path, str], ...]) -> Sequence[Card]:
    """Join the cards of files that `_read` has read; kept for the next page."""
    return tuple(cards([found for each in judged if (found := _read(*each))], at_least="info"))

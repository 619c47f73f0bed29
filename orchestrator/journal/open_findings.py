"""Findings that nobody has shown to be gone, from the records of one run or of all runs of an incident. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

from stopgap.orchestrator.decision import Decision, DecisionWord, decision_word
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.records import Answered, Asked, FindingNoted, FindingsMade
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.severity import SEVERITIES

OpenState: TypeAlias = Literal["undecided", "left-open", "seen-again", "accepted", "acceptance-ended"]
"""Why a finding is open: nobody decided; a person left the finding open; the finding was called gone and is there
again; a person accepted the risk; the acceptance has ended."""

_OLD_QUESTION = re.compile(r"(\S+) \((?:critical|high|medium|low|info)\): .*: resolved, or accepted\?", re.DOTALL)
"""The question about one finding, before version 0.2."""


@dataclass(frozen=True)
class Decided:
    """A person's decision on a finding of a target."""

    target: str
    at: datetime
    by: str
    decision: Decision


@dataclass(frozen=True)
class OpenFinding:
    """A finding of a target that nobody has shown to be gone."""

    target: str
    finding: FindingNoted
    step: str
    seen: datetime
    """Time of the newest look with the finding."""
    state: OpenState
    by: str = ""
    """Who decided; empty without a decision."""
    reason: str = ""
    until: date | None = None
    """Last day of an acceptance."""


@dataclass(frozen=True)
class _Sighting:
    at: datetime
    made: FindingsMade
    finding: FindingNoted


def open_findings(histories: Sequence[History]) -> tuple[OpenFinding, ...]:
    """Return the open findings of all targets, the worst first; `histories` in order of their start.

    A finding is closed by a person's `gone`, unless a later look saw the finding again; and by a person's word that
    the host was rebuilt, unless a look after the rebuild saw the finding. A finding that explains (`info`) is not
    listed.
    """
    decided = {(d.target, d.decision.item): d for history in histories for d in decisions(history)}
    rebuilt = _rebuilt(histories)
    last: dict[tuple[str, str], _Sighting] = {}
    for sighting in sorted(_sightings(histories), key=lambda each: each.at):
        last[sighting.made.target, sighting.finding.id] = sighting
    today = max((history.as_of for history in histories), default=datetime.min).date()
    found: list[OpenFinding] = []
    for (target, id_), sighting in last.items():
        since = rebuilt.get(target)
        if sighting.finding.severity == "info" or (since is not None and sighting.at < since):
            continue
        decision = decided.get((target, id_))
        if decision is not None and since is not None and decision.at < since:
            decision = None
        if state := _state(sighting, decision, today):
            found.append(_open(sighting, decision, state))
    return tuple(sorted(found, key=lambda each: (SEVERITIES.index(each.finding.severity), each.target)))


def decisions(history: History) -> Iterator[Decided]:
    """Yield the decisions on findings in a run, in order; of several on one finding the last counts."""
    asked: dict[tuple[str, str, str], Question] = {}
    counts = {id(answer) for answer in history.answers}
    for entry in history.entries:
        record = entry.record
        if isinstance(record, Asked):
            asked[record.step, record.target, record.question.text] = record.question
        elif isinstance(record, Answered) and id(record) in counts:
            question = asked.get((record.step, record.target, record.question))
            for decision in _decisions(record, question):
                yield Decided(record.target, entry.at, record.by, decision)


def _decisions(answer: Answered, question: Question | None) -> Iterable[Decision]:
    if question is not None and question.type == "decisions":
        return question.decisions(answer.answer)
    old, word = _OLD_QUESTION.fullmatch(answer.question), decision_word(answer.answer)
    return (Decision(old[1], word),) if old and word else ()


def _rebuilt(histories: Iterable[History]) -> dict[str, datetime]:
    """Return the time of the last answer by target that says the host was rebuilt."""
    found: dict[str, datetime] = {}
    for history in histories:
        says: dict[tuple[str, str, str], str] = {}
        counts = {id(answer) for answer in history.answers}
        for entry in history.entries:
            record = entry.record
            if isinstance(record, Asked) and record.question.rebuilt:
                says[record.step, record.target, record.question.text] = record.question.rebuilt
            elif isinstance(record, Answered) and id(record) in counts:
                place = (record.step, record.target, record.question)
                if says.get(place) == record.answer:
                    found[record.target] = entry.at
                elif place in says:  # asked again, and answered otherwise
                    found.pop(record.target, None)
    return found


def _sightings(histories: Iterable[History]) -> Iterator[_Sighting]:
    for history in histories:
        for entry in history.entries:
            if isinstance(made := entry.record, FindingsMade):
                for finding in made.findings:
                    yield _Sighting(entry.at, made, finding)


_OPEN: dict[DecisionWord, OpenState] = {"open": "left-open", "accepted": "accepted"}


def _state(sighting: _Sighting, decided: Decided | None, today: date) -> OpenState | None:
    if decided is None:
        return "undecided"
    if decided.decision.word == "gone":
        return "seen-again" if sighting.at > decided.at else None
    if decided.decision.until is not None and decided.decision.until < today:
        return "acceptance-ended"
    return _OPEN[decided.decision.word]


def _open(sighting: _Sighting, decided: Decided | None, state: OpenState) -> OpenFinding:
    return OpenFinding(
        target=sighting.made.target,
        finding=sighting.finding,
        step=sighting.made.step,
        seen=sighting.at,
        state=state,
        by=decided.by if decided else "",
        reason=decided.decision.reason if decided else "",
        until=decided.decision.until if decided else None,
    )

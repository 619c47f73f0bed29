"""Questions that wait for a person, and the typed line that a form stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.records import Asked
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.question import Question


@dataclass(frozen=True)
class Waits:
    """A question of a run, as a form shows it."""

    run: str
    runbook: str
    asked: Asked
    lang: Language

    @property
    def question(self) -> Question:
        """Return the question."""
        return self.asked.question

    @property
    def text(self) -> str:
        """Return the question in the reader's language, where the runbook has it."""
        return (self.question.text_ja if self.lang == "ja" else "") or self.question.text

    @property
    def reason(self) -> str:
        """Return why it is asked, in the reader's language, where the runbook has it."""
        return (self.question.reason_ja if self.lang == "ja" else "") or self.question.reason

    @property
    def digest(self) -> str:
        """Name the question itself: a step may ask several, one after another."""
        return digest_of(self.asked)

    @property
    def id(self) -> str:
        """Return an id for the elements of the form, unique on a page."""
        return f"q-{self.run}-{self.digest}"


def questions_of(history: History, lang: Language) -> Iterator[Waits]:
    """Yield the questions that a running run waits for."""
    if history.state == "running":
        for asked in history.waiting:
            yield Waits(history.run, history.started.runbook_name, asked, lang)


def digest_of(asked: Asked) -> str:
    """Return a short name of a question: of step, target and words."""
    parts = (asked.step, asked.target, asked.question.text)
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:16]


def asked_before(history: History, digest: str) -> Asked | None:
    """Return the last question of the name, open or not; None without one."""
    found: Iterable[Asked] = (entry.record for entry in reversed(history.entries) if isinstance(entry.record, Asked))
    return next((asked for asked in found if digest_of(asked) == digest), None)


def answered_before(history: History, asked: Asked) -> bool:
    """Return True if an answer to the question counts already: who answers now is told whose it is."""
    place = (asked.step, asked.target, asked.question.text)
    return any((given.step, given.target, given.question) == place for given in history.answers)


def typed(question: Question, fields: Mapping[str, str]) -> str:
    """Return the line that the fields of a form stand for, as a person would type it.

    Of `decisions`, `word-N` and `reason-N` decide on item N; a line in `answer` goes before them.

    >>> typed(Question(text="?", reason="", type="decisions", items=("a", "b")), {"word-1": "gone", "word-2": "open"})
    '1 gone; 2 open'
    """
    line = fields.get("answer", "").strip()
    if question.type != "decisions" or line:
        return line
    parts: list[str] = []
    for number in range(1, len(question.items) + 1):
        if word := fields.get(f"word-{number}", "").strip():
            reason = fields.get(f"reason-{number}", "").strip()
            parts.append(f"{number} {word}: {reason}" if reason and word == "accepted" else f"{number} {word}")
    return "; ".join(parts)

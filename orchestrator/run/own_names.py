"""Names that the operator gave, in the reader's language: of runbooks and steps, questions, and rules."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.records import Asked
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.runbook import parse_runbook
from stopgap.orchestrator.source import InvalidInput


def names_in(histories: Sequence[History], lang: Language) -> dict[str, str]:
    """Return name → name in a language, as far as runbooks, questions and rules have one; empty for English."""
    names: dict[str, str] = {}
    for history in histories if lang != "en" else ():
        names |= runbook_names(history, lang)
        for entry in history.entries:
            if isinstance(asked := entry.record, Asked) and asked.question.text_ja:
                names[asked.question.text] = asked.question.text_ja
    return names | rule_names(lang)


def runbook_names(history: History, lang: Language) -> dict[str, str]:
    """Return the names of a run's runbook and steps in a language; empty for English, or without translations."""
    return {} if lang == "en" else _japanese(history.started.runbook_text, history.started.runbook_path)


@lru_cache(maxsize=16)
def _japanese(text: str, path: str) -> dict[str, str]:
    with suppress(InvalidInput):  # of another version
        return parse_runbook(text, path).japanese
    return {}


def rule_names(lang: Language) -> dict[str, str]:
    """Return the titles of the rules in a language; empty for English."""
    if lang == "en":
        return {}
    from stopgap.orchestrator.findings import rules_in_force  # noqa: PLC0415 - an English run needs no rules

    return {rule.title: rule.title_ja for rule in rules_in_force() if rule.title_ja}

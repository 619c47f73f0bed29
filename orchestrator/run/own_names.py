"""Names that the operator gave, in the reader's language: of runbooks and steps, questions, and rules."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.records import Asked
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.runbook import parse_runbook
from stopgap.orchestrator.source import InvalidInput


def names_in(histories: Sequence[History], lang: Language) -> dict[str, str]:
    """Return name → name in a language, as far as runbooks, questions and rules have one; empty for English."""
    names: dict[str, str] = {}
    if lang == "en":
        return names
    from stopgap.orchestrator.findings import rules_in_force  # noqa: PLC0415 - an English run needs no rules

    for history in histories:
        with suppress(InvalidInput):
            names |= parse_runbook(history.started.runbook_text, history.started.runbook_path).japanese
        for entry in history.entries:
            if isinstance(asked := entry.record, Asked) and asked.question.text_ja:
                names[asked.question.text] = asked.question.text_ja
    return names | {rule.title: rule.title_ja for rule in rules_in_force() if rule.title_ja}

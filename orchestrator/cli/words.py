"""Words of the terminal's layout, in the reader's language: labels before a line's text, outcomes and states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgap.orchestrator.cli.screen import padded, said
from stopgap.orchestrator.language import spoken
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stopgap.orchestrator.journal import History

INDENT = "     "
"""Before what a step says."""
_LABEL = 7
"""Columns of a label."""


def entry(label: str, text: str) -> str:
    """Return a line of a step: the label, and the text in the next column."""
    return f"{INDENT}{padded(label, _LABEL)}{said(text)}"


def reason_label(outcome: str) -> str:
    """Return the label before a step's reason."""
    labels = {"skipped": tr("why"), "refused": tr("no"), "unchanged": tr("read"), "changed": tr("done")}
    return labels.get(outcome, tr("error"))


def worded(question: Question) -> tuple[str, str]:
    """Return question and reason in the reader's language, where the runbook has them."""
    if spoken() == "ja":
        return question.text_ja or question.text, question.reason_ja or question.reason
    return question.text, question.reason


def step_place(target: str, number: int, count: int) -> str:
    """Return where a step stands in the runbook."""
    return tr("{target}: step {number} of {count}", target=target, number=number, count=count)


def named(name: str, name_ja: str) -> str:
    """Return a name of the runbook's in the reader's language; a Japanese name with a template is left out."""
    return name_ja if name_ja and "{" not in name_ja and spoken() == "ja" else name


def own_name(history: History, name: str | None = None) -> str:
    """Return a step's name in the reader's language, where the runbook has one; by default the runbook's name."""
    from stopgap.orchestrator.run.own_names import runbook_names

    name = history.started.runbook_name if name is None else name
    return runbook_names(history, spoken()).get(name, name)


def rule_titles() -> Mapping[str, str]:
    """Return the titles of the rules in the reader's language; empty for English."""
    from stopgap.orchestrator.run.own_names import rule_names

    return rule_names(spoken())

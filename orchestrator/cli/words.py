"""Words of the terminal's layout, in the reader's language: labels before a line's text, outcomes and states."""

from __future__ import annotations

from stopgap.orchestrator.cli.screen import padded, said
from stopgap.orchestrator.language import spoken
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.text import tr

INDENT = "     "
"""Before what a step says."""
_LABEL = 7
"""Columns of a label."""


def entry(label: str, text: str) -> str:
    """Return a line of a step: the label, and the text in the next column."""
    return f"{INDENT}{padded(label, _LABEL)}{said(text)}"


def word_of(word: str) -> str:
    """Return an outcome, a state or a verdict as the reader's language has it; any other word as it is.

    >>> word_of("would-change")
    'would change'
    """
    words = {
        "changed": tr("changed"),
        "unchanged": tr("unchanged"),
        "would-change": tr("would change"),
        "would-fail": tr("would fail"),
        "failed": tr("failed"),
        "unreachable": tr("unreachable"),
        "unknown": tr("unknown"),
        "skipped": tr("skipped"),
        "refused": tr("refused"),
        "running": tr("running"),
        "waiting": tr("waiting"),
        "interrupted": tr("interrupted"),
        "ok": tr("ok"),
        "done": tr("done"),
        "undone": tr("undone"),
        "drifted": tr("drifted"),
        "not-run": tr("not run"),
        "no-undo": tr("no undo"),
        "undo-failed": tr("undo failed"),
        "undo-drifted": tr("undo drifted"),
        "undo-unknown": tr("undo unknown"),
        "sent": tr("sent"),
        "contained": tr("contained"),
        "partly": tr("partly"),
        "unverified": tr("unverified"),
    }
    return words.get(word, word)


def reason_label(outcome: str) -> str:
    """Return the label before a step's reason."""
    labels = {"skipped": tr("why"), "refused": tr("no"), "unchanged": tr("read"), "changed": tr("done")}
    return labels.get(outcome, tr("error"))


def worded(question: Question) -> tuple[str, str]:
    """Return question and reason in the reader's language, where the runbook has them."""
    if spoken() == "ja":
        return question.text_ja or question.text, question.reason_ja or question.reason
    return question.text, question.reason


def named(name: str, name_ja: str) -> str:
    """Return a name of the runbook's in the reader's language; a Japanese name with a template is left out."""
    return name_ja if name_ja and "{" not in name_ja and spoken() == "ja" else name

"""One word for one thing in Japanese: words of the glossary's second table stand nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.language import catalogue

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs/glossary.md").read_text().partition("## Words that are not used")[2]
REPLACED = [row.split("|")[1].strip() for row in TABLE.splitlines() if row.startswith("| ")][1:]
TEXTS = [
    path
    for folder in ("templates", "runbooks", "rules", "duties", "artifacts", "inventories", "docs", "README.ja.md")
    for path in ([ROOT / folder] if folder.endswith(".md") else sorted((ROOT / folder).rglob("*")))
    if path.suffix in {".txt", ".jinja", ".html", ".md", ".yaml", ".conf"} and path.name != "glossary.md"
]


def pattern(word: str) -> re.Pattern[str]:
    """The word, unless it goes on: `サーバ` is not found in `サーバー`."""
    return re.compile(re.escape(word) + ("(?![ーァ-ヶ])" if re.fullmatch("[ァ-ヶー]+", word) else ""))


def texts() -> Iterator[tuple[str, str]]:
    yield from (("stopgap.po", words) for words in catalogue("ja").values())
    for path in TEXTS:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def test_the_table_is_read() -> None:
    assert {"サーバ", "弊方"} <= set(REPLACED)
    assert pattern("サーバ").search("メールサーバを")
    assert not pattern("サーバ").search("メールサーバーを")


@pytest.mark.parametrize("word", REPLACED)
def test_a_replaced_word_stands_nowhere(word: str) -> None:
    found = pattern(word)
    assert [f"{place}: {line.strip()}" for place, line in texts() if found.search(line)] == []

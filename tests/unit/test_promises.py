"""Every test that docs/promises.md and docs/claims.md name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = ("docs/promises.md", "docs/claims.md")
NAMED = [
    found for table in TABLES for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / table).read_text())
]


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)))
def test_a_promise_is_kept_by_a_test_that_exists(file: str, test: str):
    assert f"\ndef {test}(" in (ROOT / file).read_text()


@pytest.mark.parametrize("table", TABLES)
def test_every_promise_names_a_test(table: str):
    heads = {"| promise | tests |", "| kind of fault | cases tried | tests |"}
    rows = [line for line in (ROOT / table).read_text().splitlines() if line.startswith("| ") and line not in heads]
    assert rows
    assert all("::test_" in row for row in rows)


def test_every_sentence_of_the_readme_is_a_promise_of_the_table_and_none_is_made_up():
    section = (ROOT / "README.md").read_text().partition("## What it promises when things go wrong\n")[2]
    text = " ".join(section.partition("\n## ")[0].partition("[docs/crash-and-tamper.md]")[0].split())
    rows = (ROOT / "docs/promises.md").read_text().splitlines()
    promises = [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:]
    assert [promise for promise in promises if promise not in text] == []
    sentences = [sentence.strip() for sentence in re.split(r"\.(?: |$)", text) if sentence.strip()]
    assert [s for s in sentences if not any(promise in s for promise in promises)] == []

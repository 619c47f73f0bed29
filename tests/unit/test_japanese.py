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


ENGLISH, JAPANESE = ((ROOT / name).read_text() for name in ("README.md", "README.ja.md"))
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^ *```(.*?)^ *```", re.MULTILINE | re.DOTALL)


def headings(page: str) -> list[int]:
    return [len(line.split()[0]) for line in FENCE.sub("", page).splitlines() if line.startswith("#")]


def commands(page: str) -> list[str]:
    """Lines to type in the blocks, without remarks; the sample of a dry run has the language besides."""
    lines = (line.strip().removeprefix("$ ") for block in FENCE.findall(page) for line in block.splitlines())
    typed = (line.partition("  #")[0].removesuffix(" --lang ja").split() for line in lines)
    return [" ".join(words) for words in typed if words and re.match(r"stopgap$|scripts/|systemctl|nft$", words[0])]


def inventory(page: str) -> str:
    return next(block for block in FENCE.findall(page) if block.startswith("yaml"))


def quoted(page: str) -> set[str]:
    """Options, commands and files that the text names."""
    found = CODE.findall(FENCE.sub("", page).replace("\n", " "))
    return {re.sub(r"\s+", " ", each) for each in found}


def test_both_readmes_have_the_same_sections_commands_and_inventory() -> None:
    assert headings(JAPANESE) == headings(ENGLISH)
    assert sorted(set(commands(JAPANESE))) == sorted(set(commands(ENGLISH)))
    assert inventory(JAPANESE) == inventory(ENGLISH)


def test_both_readmes_name_the_same_runbooks_options_and_pages() -> None:
    assert sorted(quoted(ENGLISH) ^ quoted(JAPANESE)) == []
    links = [
        sorted({link.replace(".ja.md", ".md") for link in re.findall(r"\]\(([^)]+)\)", page)} - {"README.md"})
        for page in (ENGLISH, JAPANESE)
    ]
    assert links[0] == links[1]

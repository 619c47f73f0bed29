"""The manual in the terminal: shipped, listed, shown, and holding every page that a message cites."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stopgap.orchestrator.cli.docs import _anchor, shipped_pages

from .bench import Bench

TOP = Path(__file__).parents[2]
CITED = re.compile(r"docs/([a-z0-9-]+)\.md(?:#([a-z0-9-]+))?")
SPEAKING = ("orchestrator", "tasks", "stopgap", "templates", "rules", "artifacts", "runbooks")


def citations() -> set[tuple[str, str]]:
    """Give page and section of each citation in what the program says."""
    found = set()
    for name in SPEAKING:
        for path in (TOP / name).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".html", ".jinja", ".json", ".md", ".po", ".yaml"}:
                found |= {(page, section) for page, section in CITED.findall(path.read_text("utf-8", "replace"))}
    return found


def test_every_page_that_a_message_cites_is_shipped() -> None:
    pages, cited = shipped_pages(), citations()
    assert len(cited) > 3
    assert {page for page, _ in cited} <= set(pages)
    for page, section in cited:
        lines = pages[page].read_text("utf-8").splitlines()
        assert not section or section in {_anchor(line) for line in lines}, (page, section)


def test_the_pages_are_listed_and_one_is_shown_by_any_of_its_names(bench: Bench) -> None:
    status, out, _ = bench.stopgap("docs")
    assert (status, re.search(r"^inventories +Inventories$", out, re.MULTILINE) is not None) == (0, True)
    text = (TOP / "docs" / "check.md").read_text("utf-8")
    for name in ("check", "check.md", "docs/check.md"):
        assert bench.stopgap("docs", name) == (0, text, "")
    _, out, _ = bench.stopgap("docs", "check", "--json")
    assert json.loads(out)["text"] == text


def test_a_section_begins_at_its_heading(bench: Bench) -> None:
    _, out, _ = bench.stopgap("docs", "docs/inventories.md#several-inventories")
    assert out.startswith("## Several inventories\n")


@pytest.mark.parametrize("name", ["chek", "../README", "/etc/passwd"])
def test_a_page_that_is_not_there_is_told(bench: Bench, name: str) -> None:
    status, out, err = bench.stopgap("docs", name)
    assert (status, out, "no page is called" in err) == (2, "", True)


def test_on_a_terminal_the_page_goes_through_the_pager(tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    kept = tmp_path / "kept"
    code = "import sys; from stopgap.orchestrator.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "docs", "check"]
    done = subprocess.run(words, stdout=terminal, env={**os.environ, "PAGER": f"sh -c 'cat > {kept}'"}, check=False)
    os.close(keyboard)
    os.close(terminal)
    assert (done.returncode, kept.read_text("utf-8")) == (0, (TOP / "docs" / "check.md").read_text("utf-8"))


def test_the_site_builds_with_search_and_every_link_and_section_is_there(tmp_path: Path) -> None:
    site = tmp_path / "site"
    done = subprocess.run([sys.executable, TOP / "scripts" / "build_docs.py", site], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((site / "search" / "search_index.json").read_text("utf-8"))["docs"]
    assert any("may_block" in each["text"] for each in found)
    assert 'href="docs/inventories.html"' in (site / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    "link", ["[x](nowhere.md)", "[x](check.md#no-such-section)", "[x](../orchestrator/nowhere.py)"]
)
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, link: str) -> None:
    for name in ("scripts", "docs"):
        shutil.copytree(TOP / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*TOP.glob("*.md"), TOP / "mkdocs.yml"):
        shutil.copy(path, tmp_path)
    for name in ("artifacts", "examples"):
        (tmp_path / name).symlink_to(TOP / name)
    with (tmp_path / "docs" / "bench.md").open("a") as page:
        page.write(link + "\n")
    words = [sys.executable, tmp_path / "scripts" / "build_docs.py", tmp_path / "site"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, "nowhere" in done.stderr or "no-such-section" in done.stderr) == (1, True), done.stderr


JAPANESE = sorted(TOP.glob("*.ja.md")) + sorted((TOP / "docs").glob("*.ja.md"))


def commands(page: Path) -> list[str]:
    """Return the commands of a page's blocks, without their comments, and without the language of an example."""
    blocks = re.findall(r"^ *```\n(.*?)^ *```$", page.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    told = [line for line in lines if line.startswith(("stopgap ", "scripts/"))]
    return [re.sub(r"\s+#.*|\s+--lang ja$", "", line) for line in told]


def links(page: Path) -> set[str]:
    """Return where a page leads, whatever the language of that."""
    found = re.findall(r"\]\(([^)\s:]+)\)", page.read_text())
    return {link.replace(".ja.md", ".md") for link in found} - {page.name.replace(".ja.md", ".md")}


@pytest.mark.parametrize("page", JAPANESE, ids=lambda page: page.name)
def test_a_japanese_page_gives_the_commands_of_the_english_one_and_leads_where_it_leads(page: Path) -> None:
    english = page.with_name(page.name.replace(".ja.md", ".md"))
    assert f"({page.name})" in english.read_text()
    assert commands(page) == commands(english)
    assert links(page) >= links(english)

"""docs: the shipped pages, in the terminal: what a message cites as docs/PAGE.md can be read without a network."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.documents.envelope import envelope
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.source import did_you_mean
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class DocsOptions:
    """The options of `stopgap docs`."""

    page: str | None = None
    json: bool = False


def docs(options: DocsOptions) -> int:
    """List the pages, or show one; raises UsageError for a page that is not shipped."""
    pages = shipped_pages()
    if options.page is None:
        listed = [{"page": name, "title": _title(path)} for name, path in pages.items()]
        if options.json:
            print_document({**envelope("docs"), "pages": listed})
            return 0
        screen = screens.out()
        for each in listed:
            screen.line(f"{each['page']:<16} {each['title']}")
        screen.line()
        screen.line(tr("`stopgap docs PAGE` shows one."))
        return 0
    name, _, section = options.page.partition("#")
    name = name.removeprefix("docs/").removesuffix(".md")
    if name not in pages:
        hint = did_you_mean(name, pages) or tr("pages: {pages}", pages=", ".join(pages))
        raise UsageError(tr("no page is called {name}; {hint}", name=name, hint=hint))
    text = _text(pages[name])
    if options.json:
        print_document({**envelope("docs"), "page": name, "title": _title(pages[name]), "text": text})
        return 0
    _show(text, section)
    return 0


def shipped_pages() -> dict[str, Path]:
    """Return the pages by name, in alphabetical order."""
    return {path.stem: path for path in sorted(folder("docs").glob("*.md"))}


def _title(path: Path) -> str:
    heading = next((line for line in _text(path).splitlines() if line.startswith("# ")), path.stem)
    return heading.removeprefix("# ")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _show(text: str, section: str) -> None:
    """Write the page, on a terminal through `$PAGER` or less(1), from the section on where one is named."""
    lines = text.splitlines()
    begin = next((i for i, line in enumerate(lines) if section and _anchor(line) == section), 0)
    text = "\n".join(screens.shown(line) for line in lines[begin:]) + "\n"
    pager = shlex.split(os.environ.get("PAGER", "less"))
    if sys.stdout.isatty() and pager and shutil.which(pager[0]):
        subprocess.run(pager, input=text.encode(), env={"LESS": "FRX", **os.environ}, check=False)
    else:
        sys.stdout.write(text)


def _anchor(line: str) -> str:
    """Return the anchor of a heading, as GitHub makes it; empty for another line."""
    if not line.startswith("#"):
        return ""
    words = line.lstrip("#").strip().lower()
    return "".join(c for c in words if c.isalnum() or c in " -_").replace(" ", "-")

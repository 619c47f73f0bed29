"""Builds the manual as a site with search: `scripts/docs [DIR]`. A link that leads nowhere fails."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ("README.md", "README.ja.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
_LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s:#]+)(#[^)\s]*)?\)")


def slug(text: str, _: str) -> str:
    """Return the anchor of a heading, as GitHub makes it.

    >>> slug("Several inventories", "-")
    'several-inventories'
    """
    words = text.strip().lower()
    return "".join(c for c in words if c.isalnum() or c in " -_").replace(" ", "-")


def stage(to: Path) -> None:
    """Copy the pages; a link to a file of the repository that is no page becomes its text.

    Raises SystemExit for a link to a file that is not there.
    """
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in BESIDE)]
    shutil.copytree(ROOT / "docs", to / "docs", ignore=shutil.ignore_patterns("*.md"))
    broken = []
    for page in pages:
        known = {path.resolve() for path in pages}

        def link(found: re.Match[str], page: Path = page, known: set[Path] = known) -> str:
            there = (page.parent / found[2]).resolve()
            if not there.exists():
                broken.append(f"{page.relative_to(ROOT)}: {found[2]} is not there")
            return found[0] if there in known else found[1]

        text = _LINK.sub(link, page.read_text(encoding="utf-8"))
        staged = to / page.relative_to(ROOT)
        staged.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(text, encoding="utf-8")
    if broken:
        raise SystemExit("\n".join(broken))


def main(arguments: list[str]) -> int:
    """Build the site; return the exit status of mkdocs."""
    parser = argparse.ArgumentParser(prog="scripts/docs", description=__doc__)
    parser.add_argument("site", nargs="?", default="site", metavar="DIR", help="default: site")
    site = Path(parser.parse_args(arguments).site).absolute()
    with tempfile.TemporaryDirectory(prefix="stopgap-docs-") as folder:
        stage(Path(folder))
        env = {**os.environ, "STOPGAP_DOCS": folder, "STOPGAP_SITE": str(site), "PYTHONPATH": str(ROOT / "scripts")}
        words = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(ROOT / "mkdocs.yml")]
        # Quiet, mkdocs would not count the warnings that `--strict` makes faults of.
        built = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
        sys.stderr.write(built.stderr if built.returncode else "")
        return built.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The man page, and the completions of shells."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Literal

from argparse_manpage.manpage import Manpage

from release_build.sources import epoch, version
from stopgap.orchestrator.cli.arguments import parser
from stopgap.orchestrator.cli.completion import completion_of

_ABOUT = "contain a broken-into server, and keep the evidence"
SHELLS: dict[Literal["bash", "zsh", "fish"], str] = {
    "bash": "usr/share/bash-completion/completions/stopgap",
    "zsh": "usr/share/zsh/vendor-completions/_stopgap",
    "fish": "usr/share/fish/vendor_completions.d/stopgap.fish",
}
"""Where Debian's packages of the shells look for completions (bash-completion, zsh, fish)."""


def man_page() -> str:
    """Return stopgap(1), in the form of man(7), from the parser of the command line."""
    os.environ["COLUMNS"] = "80"
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(epoch()))
    about = {"project_name": "stopgap", "version": version(), "manual_title": "Stopgap", "description": _ABOUT}
    return str(Manpage(parser(whole=True), about, format="single-commands-section")) + "\n"


def write_pages(root: Path) -> None:
    """Write man page (compressed) and completions below `root`, where a Debian system has them."""
    page = root / "usr/share/man/man1/stopgap.1.gz"
    page.parent.mkdir(parents=True)
    page.write_bytes(gzip.compress(man_page().encode(), 9, mtime=0))
    for shell, place in SHELLS.items():
        (root / place).parent.mkdir(parents=True)
        (root / place).write_text(completion_of(parser(whole=True), shell))

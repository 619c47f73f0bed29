"""Takes the README's pictures: what three commands print on the lab's hosts, as SVG files in docs/images.

    scripts/lab alone .venv/bin/python scripts/pictures.py [DIR]

Every line comes from the command that the title names; a picture that shows only the first lines ends with how many
more there were.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100
_FONT = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
"""Rich's format loads a font from elsewhere; a page of the README loads nothing."""


@dataclass(frozen=True)
class Picture:
    """A command, and how much of what it prints is shown."""

    name: str
    words: tuple[str, ...]
    most: int
    """Lines."""


LAB = ("-i", "inventories/lab.yaml")
BEFORE = (("run", "collect", *LAB, "-t", "web", "--yes"),)
"""What is run before, so that there is evidence."""
PICTURES = (
    Picture("analyst", ("evidence", "findings", "last", "--severity", "critical"), 34),
    Picture(
        "noc",
        ("run", "provider-block", *LAB, "-t", "edge", "-p", "addresses=203.0.113.10", "-p", "reason=ticket 4711",
         "--dry-run"),
        40,
    ),
    Picture(
        "operator",
        ("run", "contain", *LAB, "-t", "web", "-p", "contact=noc@example.jp", "--yes"),
        0,
    ),
    Picture("operator", ("status",), 34),
)  # fmt: skip


def main() -> int:
    """Boot the lab, run the commands, write the pictures."""
    to = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/images"
    subprocess.run(["scripts/lab", "up"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as home:
        for words in BEFORE:
            printed(words, home)
        for picture in PICTURES:
            text = printed(picture.words, home)
            if picture.most:
                path = to / f"{picture.name}.svg"
                path.write_text(drawn(" ".join(("$ stopgap", *picture.words)), text, picture.most), encoding="utf-8")
                print(path)
    return 0


def printed(words: tuple[str, ...], home: str) -> str:
    """Return what a command of Stopgap's prints on a terminal, colours included."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, WIDTH, 0, 0))
    env = os.environ | {"STOPGAP_HOME": home, "TERM": "xterm-256color", "COLUMNS": str(WIDTH), "STOPGAP_LANG": "en"}
    command = ["scripts/lab", "exec", "operator", "stopgap", *words]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    pieces = []
    try:
        while piece := os.read(ours, 1 << 16):
            pieces.append(piece)
    except OSError:  # the other end is closed: EIO
        pass
    finally:
        os.close(ours)
    process.wait()
    return b"".join(pieces).decode("utf-8", "replace").replace("\r\n", "\n").strip("\n")


def drawn(title: str, text: str, most: int) -> str:
    """Return the first lines of a text as SVG, as on a terminal."""
    from rich._export_format import CONSOLE_SVG_FORMAT  # noqa: PLC0415 - private, and the only place of the format

    lines = text.split("\n")
    more = [f"… {len(lines) - most} more lines"] if len(lines) > most else []
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    console.print(Text.from_ansi("\n".join([*lines[:most], *more])), soft_wrap=True)
    return console.export_svg(title=title, code_format=_FONT.sub("", CONSOLE_SVG_FORMAT), unique_id="stopgap")


if __name__ == "__main__":
    sys.exit(main())

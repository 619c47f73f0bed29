"""A stand-in for AVML: a static program of a few bytes that takes its command line, and writes some pages."""

from __future__ import annotations

import struct
from pathlib import Path

PAGE = b"EMiL" + bytes(range(252)) * 16
"""What it writes, again and again."""
OLD_HELP = b"Usage: avml [OPTIONS] <FILENAME>\n"
NEW_HELP = b"Usage: avml <COMMAND>\n\nCommands:\n  acquire  Acquire a memory snapshot\n"
_BASE = 0x400000
_CODE_AT = 64 + 56
_CODE = """
    488b0c24 488b3ccc       rcx: words of the command line, rdi: the last of them
    66813f2d2d 7444         it begins with `--`: help
    4881f9 WORDS 7553       another number of words: fail
    be41020000 ba80010000 b802000000 0f05 85c0 783e     open it: O_WRONLY | O_CREAT | O_TRUNC, 0600
    89c3 bd PAGES           ebx: the descriptor, ebp: pages left
    89df be PAGE ba SIZE b801000000 0f05 85c0 7820      write one
    ffcd 75e5 31ff eb1d     until none is left, then leave with 0
    bf01000000 be HELP ba LONG b801000000 0f05 ebe4     help: write it, then leave with 0
    bf01000000 b83c000000 0f05                          fail: leave with 1
"""


def avml(path: Path, pages: int, *, new: bool = False) -> Path:
    """Make the program (x86-64); a new one wants to be told to `acquire`."""
    text = NEW_HELP if new else OLD_HELP
    code_size = len(_assembled({}))
    page_at = _BASE + _CODE_AT + code_size
    values = {
        "WORDS": 3 if new else 2, "PAGES": pages, "PAGE": page_at, "SIZE": len(PAGE),
        "HELP": page_at + len(PAGE), "LONG": len(text),
    }  # fmt: skip
    content = _assembled(values) + PAGE + text
    size = _CODE_AT + len(content)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _BASE + _CODE_AT, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 4096)
    path.write_bytes(ident + header + segment + content)
    path.chmod(0o755)
    return path


def _assembled(values: dict[str, int]) -> bytes:
    code = b""
    for line in _CODE.strip().splitlines():
        for word in line.strip().split("  ")[0].split():
            code += struct.pack("<I", values.get(word, 0)) if word.isupper() else bytes.fromhex(word)
    return code

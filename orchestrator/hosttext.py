"""Text sent by a host: a separate type, kept out of shells, templates and terminals."""

from __future__ import annotations

import unicodedata

_HARMLESS_CONTROLS = {"\n", "\t"}
_ESCAPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def escape(text: str, *, keep_lines: bool = False) -> str:
    r"""Return text safe to show: C0, C1, DEL, bidirectional and format characters become ``\xNN`` or ``\uNNNN``.

    With `keep_lines`, newline and tab stay; otherwise newline and tab are escaped too, for a result of one line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape_character(c, keep_lines) for c in text)


def is_plain(text: str) -> bool:
    """Return True if a line is safe to show: free of line ends, bidirectional, hidden and control characters.

    >>> is_plain("200 OK")
    True
    """
    return escape(text) == text


def _escape_character(character: str, keep_lines: bool) -> str:
    if keep_lines and character in _HARMLESS_CONTROLS:
        return character
    if unicodedata.category(character) not in _ESCAPED_CATEGORIES:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


class HostText:
    """Bytes from a host. `str()` and format give the escaped form; the raw form is available by name only."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def decoded(self) -> str:
        """Return the text for a parser; bytes outside UTF-8 become lone surrogates (PEP 383)."""
        return self.raw.decode("utf-8", "surrogateescape")

    def lines(self) -> list[str]:
        """Split at newlines only: other Unicode line separators are legal in a file name."""
        text = self.decoded()
        return text.removesuffix("\n").split("\n") if text else []

    def last_line(self) -> str:
        """Return the last non-blank line, escaped: usually the reason given by a failed command."""
        return next((escape(line.strip()) for line in reversed(self.lines()) if line.strip()), "")

    def __str__(self) -> str:
        return escape(self.decoded(), keep_lines=True)

    def __repr__(self) -> str:
        return f"HostText({len(self.raw)} bytes)"

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostText) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

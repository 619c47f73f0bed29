"""Text sent by a host: a separate type, kept out of shells, templates and terminals."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

from stopgap.orchestrator.text import Text, tr
from stopgap.orchestrator.translatable import KeepsText

_HARMLESS_CONTROLS = {"\n", "\t"}
_ESCAPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def escape(text: str, *, keep_lines: bool = False) -> str:
    r"""Return text safe to show: C0, C1, DEL, bidirectional and format characters become ``\xNN`` or ``\uNNNN``.

    With `keep_lines`, newline and tab stay; otherwise newline and tab are escaped too, for a result of one line.
    Of a `Text` the arguments are escaped.
    """
    if text.isascii() and text.isprintable():
        return text
    if isinstance(text, Text):
        return text.mapped(lambda words: escape(words, keep_lines=keep_lines))
    return "".join(_escape_character(c, keep_lines) for c in text)


def escape_tree(value: Any) -> Any:  # noqa: ANN401
    """Return a tree of mappings and lists with every text escaped, each as one line."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {key: escape_tree(item) for key, item in value.items()}
    return [escape_tree(item) for item in value] if isinstance(value, list | tuple) else value


def is_plain(text: str) -> bool:
    """Return True if a line is safe to show: free of line ends, bidirectional, hidden and control characters.

    >>> is_plain("200 OK")
    True
    """
    return escape(text) == text


def shortened(names: Sequence[str], most: int = 8) -> str:
    """Return a list of names for one line: the first `most`, and how many more there are.

    >>> shortened(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = len(names) - most
    shown = ", ".join(names[:most])
    return tr("{names} and {count} more", names=shown, count=f"{more:,}") if more > 0 else shown


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


class _Escaped(KeepsText):
    """Makes pydantic escape the text of a field."""

    def __init__(self, *, keep_lines: bool) -> None:
        self._keep_lines = keep_lines

    def prepared(self, value: object) -> object:
        return escape(value, keep_lines=self._keep_lines) if isinstance(value, str) else value


EscapedLine: TypeAlias = Annotated[str, _Escaped(keep_lines=False)]
"""A field of a model, of one line: what a host sent is escaped when the model is made."""
EscapedText: TypeAlias = Annotated[str, _Escaped(keep_lines=True)]
"""A field of a model, of several lines."""


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

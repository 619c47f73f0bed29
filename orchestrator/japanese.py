"""Japanese text in files: removal of the blanks left by folded lines."""

from __future__ import annotations

import re

_BETWEEN = re.compile(r"(?<=[^\x00-\u2fff]) (?=[^\x00-\u2fff])")


def flowing(text: str) -> str:
    """Join several lines into one; between two Japanese characters no blank remains."""
    return _BETWEEN.sub("", " ".join(text.split()))

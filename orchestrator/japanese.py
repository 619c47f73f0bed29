"""Japanese words in files: what folding their lines leaves behind."""

from __future__ import annotations

import re

_BETWEEN = re.compile(r"(?<=[^\x00-\u2fff]) (?=[^\x00-\u2fff])")


def flowing(text: str) -> str:
    """Make one line of several; between two signs of Japanese, which takes no blanks, none is left."""
    return _BETWEEN.sub("", " ".join(text.split()))

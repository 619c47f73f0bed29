"""What the lab tells a person when it cannot go on."""

from __future__ import annotations


class LabError(Exception):
    """One sentence that says what is wrong and what to do; shown without a traceback."""

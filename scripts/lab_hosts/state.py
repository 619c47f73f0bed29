"""Where the lab keeps its state, and whose lab is up: one fits a machine, and one each place that `alone` makes."""

from __future__ import annotations

import os
from pathlib import Path

from .failure import LabError

ROOT = Path(__file__).resolve().parents[2]
PLACE = os.environ.get("STOPGAP_LAB_PLACE", "")
"""What `scripts/lab alone` calls the place it made; empty where the lab is the machine's own."""


def state_of(place: str) -> Path:
    """Where the lab of a place keeps its state."""
    return ROOT / f".lab{place}"


STATE = state_of(PLACE)
OWNER = Path("/run/stopgap-lab")
"""A link to the state of the lab that is up; who reads its keys need not know whose it is."""
NAMESPACES = Path("/run/netns")


def other_tree() -> Path | None:
    """The root of another project tree that brought a lab up and did not take it down."""
    owner = OWNER.readlink() if OWNER.is_symlink() else STATE
    return owner.parent if owner != STATE and owner.is_dir() else None


def is_own() -> bool:
    """The lab that is up was brought up from here, and its keys are still here."""
    return OWNER.is_symlink() and OWNER.readlink() == STATE and STATE.is_dir()


def require_own() -> None:
    """Raises LabError when the lab that is up is another tree's."""
    other = other_tree()
    if other:
        raise LabError(f"The lab of another tree is up, and one fits a machine: first run {other}/scripts/lab down.")

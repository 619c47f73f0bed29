"""The version of a release, what was locked for it, and when its sources were last changed."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("age", "serve", "team")
"""What a release ships beside the core: age for evidence, the page, and the team's journal with its runners."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def version() -> str:
    """Return the version in pyproject.toml."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert isinstance(found, str)
    return found


def epoch() -> int:
    """Return the time of the last commit, in seconds (SOURCE_DATE_EPOCH of reproducible-builds.org)."""
    words = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def locked() -> dict[str, str]:
    """Return the entries of requirements.txt by normalized name, each with its hashes."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.txt").read_text())
    return {_plain(match[0]): entry for entry in entries if (match := _NAME.match(entry))}


def runtime() -> list[str]:
    """Return the normalized names of what an installation with EXTRAS needs, sorted.

    The names come from the metadata of the installed distributions; raises LookupError for one that is not locked.
    """
    found: set[tuple[str, frozenset[str]]] = set()
    open_ones = list(_required("stopgap", frozenset(EXTRAS)))
    while open_ones:
        name, extras = open_ones.pop()
        if (name, extras) not in found and _is_installed(name):
            found.add((name, extras))
            open_ones += _required(name, extras)
    names = {name for name, _ in found}
    if missing := names - locked().keys():
        raise LookupError(f"requirements.txt does not lock {', '.join(sorted(missing))}")
    return sorted(names)


def _required(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what a distribution requires, each with its extras, for every system and Python that a release has."""
    for line in distribution(name).requires or ():
        asked = Requirement(line)
        marker = asked.marker
        if marker is None or "extra ==" not in line or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield _plain(asked.name), frozenset(asked.extras)


def _is_installed(name: str) -> bool:
    """Return False for what another system or Python needs."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _plain(name: str) -> str:
    """Return the normalized name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()

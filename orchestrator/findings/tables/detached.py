"""Processes that their starter has left: interpreters without a unit or a script, and programs whose file is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stopgap.orchestrator.findings.provenance.places import place_of
from stopgap.orchestrator.findings.table import Row, Value
from stopgap.orchestrator.findings.tables.origin import Origins

_LANGUAGE = re.compile(
    r"/(?:python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|php[0-9.]*|node(?:js)?|lua[0-9.]*|(?:ba|da|z|k|a)?sh|busybox)$"
)
_UNITS = (".service", ".socket", ".mount", ".swap", ".slice/init.scope", "/init.scope")
_OWN_NAMES = re.compile(r"^(?:perl|python|ruby|php|node|lua|-?(?:ba|da|z|k|a)?sh\b)")
_OF_SERVICES = range(1, 1000)
_NOBODY = 65534
_CHANGES_USER = re.compile(r"/(?:su|sudo|runuser|setpriv|doas|chroot)$")
_HIGHEST = 64
"""Ancestors that are followed."""
_WEIGHTS = {"system": 3, "data": 3, "web": 3}


def detached(
    row: Row, script: str, group: str, known: Origins, by_pid: Mapping[int, Row]
) -> Iterator[tuple[int, str]]:
    """Yield what is odd about a process that its starter has left, each with its weight.

    `row` is one of `processes`, `script` the file that an interpreter runs, `group` its control group; `by_pid` has
    all rows by the number of the process.
    """
    process = row.fields
    program = str(process["program"])
    if not group.endswith(_UNITS) and _LANGUAGE.search(program):
        yield from _orphan(process, script)
        yield from _borrowed(process, program, known) if group else ()
        uid = int(process["uid"])
        if group and not script and (uid in _OF_SERVICES or uid == _NOBODY) and _is_left(row, by_pid):
            yield 2, f"an interpreter of a service's account, {uid}, in no unit"
    if process["gone"] and not process["memory"] and known.of(program) == "absent" and row.time:
        weight = _WEIGHTS.get(place_of(program), 0)
        if weight and max(known.minutes.values(), default=row.time) < row.time:
            yield weight, "its file, of no package, is gone, and no package was changed since it started"


def _is_left(row: Row, by_pid: Mapping[int, Row]) -> bool:
    """Tell whether nothing but programs that change the user stands between a process and process 1."""
    for _ in range(_HIGHEST):
        parent = int(row.fields["parent"])
        if parent == 1:
            return True
        above = by_pid.get(parent)
        if above is None or not (
            _CHANGES_USER.search(str(above.fields["program"])) or _LANGUAGE.search(str(above.fields["program"]))
        ):
            return False
        row = above
    return False


def _orphan(process: Mapping[str, Value], script: str) -> Iterator[tuple[int, str]]:
    """Yield how an interpreter without a script goes on after whoever started it has left."""
    words = str(process["arguments"]).split(" ")
    if process["parent"] != 1 or script or not _OWN_NAMES.match(words[0].rpartition("/")[2]):
        return
    source = str(process["input"])
    if source.endswith(" (deleted)") and source.startswith("/") and not source.startswith("/dev/"):
        yield 2, f"an interpreter that reads its code from {source}"
    if place_of(str(process["folder"])) in {"open", "web"}:
        yield 2, f"an interpreter without a script, a unit or a parent, in {process['folder']}"


def _borrowed(process: Mapping[str, Value], program: str, known: Origins) -> Iterator[tuple[int, str]]:
    """Yield which program of a package an interpreter wrote over its own command line, as one word."""
    claimed, _, rest = str(process["first"]).partition(" ")
    if rest and claimed.startswith("/") and claimed != program and known.digests.knows(claimed) == "yes":
        yield 3, f"an interpreter of no unit that calls itself {claimed}"

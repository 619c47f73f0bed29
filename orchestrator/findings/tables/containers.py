"""What containers have beyond their images."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.provenance.acts import acts_of, gravity
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.table import Fields, Place, Row, table

_INSIDE = re.compile(
    r"^(?P<root>/.*?/(?:overlay2|overlay|snapshots)/[^/]+/(?:diff|fs)|/.*?/volumes/[^/]+/_data|/var/lib/kubelet/pods/[^/]+/volumes)(?P<path>/.*)$"
)
_HEAD = 64 << 10
"""Bytes of a file that are looked at."""


@table(
    "container-changes",
    reads="container-changes",
    fields={
        "path": "the file, as the host has it",
        "inside": "its path in the container, or in the volume",
        "program": "a program, or a script that may be run",
        "place": "where it lies in the container: `open`, `system`, …",
        "hidden": "in something hidden",
        "weight": "1 to 4, from place and from what it does",
        "because": "what speaks for that weight",
    },
)
def container_changes(collected: CollectionReader) -> Iterator[Row]:
    """Programs and scripts that were put into containers after their images were made, or into volumes."""
    for member in collected.members("container-changes"):
        found = _INSIDE.match(member.name)
        if found is None or member.kind != "file" or member.size < 4:
            continue
        head = member.read(_HEAD)
        program = head.startswith((b"\x7fELF", b"#!"))
        if not program and b"\0" in head[:512]:
            continue
        acts: dict[str, None] = {}
        for text in head.decode("utf-8", "replace").splitlines()[:500] if not head.startswith(b"\x7fELF") else ():
            acts.update(dict.fromkeys(acts_of(text[:4096])))
        place, hidden = place_of(found["path"]), is_hidden(found["path"])
        weight, because = _weigh(program, place, hidden, tuple(acts))
        if weight:
            row: Fields = {"path": member.name, "inside": found["path"], "program": program, "place": place}
            row |= {"hidden": hidden, "weight": weight, "because": because}
            yield Row(row, Place("container-changes", None, member.name, member.offset), float(member.mtime))


def _weigh(program: bool, place: str, hidden: bool, acts: tuple[str, ...]) -> tuple[int, str]:
    grave = gravity(acts)
    if grave >= 3:
        return grave, "does: " + ", ".join(acts)
    if not program:
        return 0, ""
    if place == "open" or hidden:
        return 2, "a program where everyone may write" if place == "open" else "a program in something hidden"
    return (1, "a program that its image does not have") if place == "system" else (0, "")

"""A small web server of Stopgap's own, for a spare without a web server: unprivileged, sandboxed, under systemd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stopgap.orchestrator.change import Expectation, RunCommands, command, write_file
from stopgap.orchestrator.facts import ABSENT
from stopgap.orchestrator.task import Note, Planned
from stopgap.orchestrator.template import render_file
from stopgap.orchestrator.text import tr
from stopgap.tasks.web.layout import OWN_FILES, OWN_UNIT, Facts
from stopgap.tasks.web.page import FOLDER
from stopgap.tasks.web.params import Params

_FILE, _PROGRAM = OWN_FILES


def possible(facts: Facts) -> bool:
    """Return True if the host has systemd and Python."""
    return facts.system.init == "systemd" and "python3" in facts.system.programs


def runs(facts: Facts) -> bool:
    """Return True if the server runs already."""
    return any(unit.name == OWN_UNIT and unit.active in {"active", "activating"} for unit in facts.units)


def serve(params: Params, facts: Facts, beside: str = "") -> Iterator[Planned]:
    """Yield program, unit and start; the undo stops the server before the files go.

    `beside`: the program that had the port.
    """
    unit = render_file(
        "web/page-server.conf",
        {
            "folder": FOLDER,
            "languages": params.languages,
            "retry_after": int(params.retry_after.total_seconds()),
            "certificate": params.certificate,
            "key": params.key,
            "seconds": int(params.lasts.total_seconds()) if params.lasts else 0,
        },
    )
    program = Path(__file__).with_name("page_server.py").read_text(encoding="utf-8")
    written = [
        write_file(_PROGRAM, program, facts.files.get(_PROGRAM, ABSENT)),
        write_file(_FILE, unit, facts.files.get(_FILE, ABSENT)),
    ]
    yield from filter(None, written)
    if any(written) or not runs(facts):
        yield RunCommands(
            about=tr("show the page by a small server of Stopgap's own: {unit}", unit=OWN_UNIT),
            do=(
                command("systemctl", "daemon-reload"),
                command("systemctl", "enable", OWN_UNIT),
                command("systemctl", "restart", OWN_UNIT),
            ),
            undo=(command("systemctl", "disable", "--now", OWN_UNIT),),
            expects=Expectation(
                look=command("systemctl", "is-active", OWN_UNIT, ok=(0, 3, 4)),
                left=("active",),
                gone=("inactive", "failed"),
            ),
        )
    if beside:
        yield Note(text=tr("Stopgap's own server shows the page, without rights, in place of {owner}", owner=beside))
    else:
        yield Note(text=tr("no web server there, and none is installed: Stopgap's own answers, without rights"))

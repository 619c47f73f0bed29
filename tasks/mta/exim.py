"""Exim."""

from __future__ import annotations

import re

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import ProgramFact, ReadOnly
from stopgap.orchestrator.task import Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue

_MESSAGE = re.compile(r"\s*(\d{1,4}[mhdwy])\s+\S+\s+[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}\s", re.ASCII)
"""First line of a message in the listing: age, size, id."""


class Exim(MailServer[ProgramFact, ProgramFact]):
    """Exim: service `exim4` on Debian, started by an init script up to release 12; `exim` elsewhere.

    The init script ends only the daemon, by pid file: forked deliveries go on.
    """

    name = "Exim"
    units = ("exim.socket", "exim.service", "exim4.service", "exim@*.service")
    scripts = ("exim4", "exim")
    programs = ("*/exim", "*/exim4")
    commands = ("exim", "exim4")
    queue = ReadOnly(("exim", "-bp"), because="exim(8): -bp lists the queue").asked(partial=True)
    mail = queue
    show_queue = "exim -bp"
    delete_queued = "exim -Mrm MESSAGE-ID"
    hooks = ("/etc/ppp/ip-up.d/exim4",)
    uncovered = (
        tr(
            "Exim delivers what a local program hands to sendmail without its daemon: only packets "
            "dropped upstream stop that"
        ),
    )

    def queued(self, listed: ProgramFact) -> Queue | None:
        """Return the queue from `exim -bp`, listed in order of arrival; None if the listing failed."""
        if listed.status != 0 and not listed.cut:
            return None
        ages = [match[1] for line in listed.stdout.splitlines() if (match := _MESSAGE.match(line))]
        return Queue(len(ages), tr("for {ages}", ages=ages[0]) if ages else "", whole=not listed.cut)

    def letters(self, read: ProgramFact) -> list[Letter] | None:
        """Return the messages: a head line with the sender in angle brackets, then recipients, with `D` for
        delivered.
        """
        if read.status == 127:
            return None
        if read.status != 0 and not read.cut:
            raise Unplannable(
                tr("Exim's queue cannot be read: {stderr}", stderr=read.stderr.strip() or tr("it says nothing"))
            )
        found: list[tuple[str, list[str]]] = []
        for line in read.stdout.splitlines():
            if match := _MESSAGE.match(line):
                found.append((line[match.end() :].partition(">")[0].strip().removeprefix("<"), []))
            elif found and line.strip() and not line.strip().startswith("D "):
                found[-1][1].append(line.strip())
        return [Letter(sender, tuple(recipients), len(recipients)) for sender, recipients in found]

    def end(self, *, managed: bool) -> Moves:
        """Return commands to end deliveries; an interrupted delivery stays queued, and the undo starts none."""
        return Moves((command("pkill", "-x", "exim4?", ok=(0, 1)),), ())

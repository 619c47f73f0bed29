"""ssmtp and esmtp."""

from __future__ import annotations

from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue

_DEAD = ("/root/dead.letter", "/home/*/dead.letter")


class Ssmtp(MailServer[FilesFact, HeadsFact]):
    """ssmtp: no daemon and no queue; each message is sent at once, and what fails lies in ~/dead.letter."""

    name = "ssmtp"
    units = ()
    scripts = ()
    binaries = ("ssmtp", "esmtp")
    programs = ()
    deliveries = ("*/sbin/ssmtp", "*/bin/esmtp")
    commands = ()
    queue = FilesBelow(_DEAD)
    mail = FileHeads(_DEAD)
    show_queue = "cat ~/dead.letter"
    delete_queued = "rm ~/dead.letter"
    queues = False
    uncovered = (
        tr(
            "ssmtp sends what a local program hands to sendmail at once, without a daemon: only packets "
            "dropped upstream stop that"
        ),
    )

    def queued(self, listed: FilesFact) -> Queue | None:
        """Return an empty queue: ssmtp queues nothing."""
        return Queue(0)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Return None: nothing is sent by a start of the mail server."""
        return None

    def end(self, *, managed: bool) -> Moves:
        """End no delivery: those under way are frozen."""
        return Moves((), ())

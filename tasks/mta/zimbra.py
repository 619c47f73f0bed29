"""Zimbra's Postfix."""

from __future__ import annotations

from stopgap.orchestrator.change import Command, command
from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.postfix import QUEUES, envelope
from stopgap.tasks.mta.server import Letter, MailServer, Queue, counted

_SPOOL = tuple(f"/opt/zimbra/data/postfix/spool/{name}" for name in QUEUES)


class Zimbra(MailServer[FilesFact, HeadsFact]):
    """Zimbra: its Postfix lies in /opt/zimbra and is stopped by zmmtactl, while mailboxes and web mail go on.

    One unit starts all of Zimbra, so that no unit is held: after a restart of the host Postfix runs again.
    """

    name = "Zimbra"
    units = ()
    scripts = ()
    programs = ("/opt/zimbra/common/libexec/*", "/opt/zimbra/postfix/*")
    commands = ()
    queue = FilesBelow(_SPOOL)
    mail = FileHeads(_SPOOL, length=4096)
    show_queue = "/opt/zimbra/common/sbin/postqueue -p"
    delete_queued = "/opt/zimbra/common/sbin/postsuper -d QUEUE-ID"
    uncovered = (tr("Zimbra starts its Postfix again when the host restarts: no unit of its own can be held"),)

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages."""
        return counted(listed)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the envelope at the beginning of each queue file."""
        return None if read.heads is None else [envelope(head) for head in read.heads]

    def end(self, *, managed: bool) -> Moves:
        """Return the commands of zmmtactl, as Zimbra's own account."""
        return Moves((_drive("stop"),), (_drive("start"),))


def _drive(verb: str) -> Command:
    return command("su", "-", "zimbra", "-c", f"/opt/zimbra/bin/zmmtactl {verb}")

"""nullmailer."""

from __future__ import annotations

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue, counted, letters_of

_SPOOL = ("/var/spool/nullmailer/queue",)


class Nullmailer(MailServer[FilesFact, HeadsFact]):
    """nullmailer: sends the mail of local programs to a relay, and listens on no port.

    Mail sent meanwhile by local programs is queued by nullmailer-inject.
    """

    name = "nullmailer"
    units = ("nullmailer.service",)
    scripts = ("nullmailer",)
    programs = ("*/nullmailer-send", "*/nullmailer/smtp")
    commands = ("nullmailer-send",)
    queue = FilesBelow(_SPOOL)
    mail = FileHeads(_SPOOL)
    show_queue = "mailq"
    delete_queued = "rm /var/spool/nullmailer/queue/MESSAGE-ID"

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages."""
        return counted(listed)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the envelopes."""
        return letters_of(read, _letter)

    def end(self, *, managed: bool) -> Moves:
        """Return the command to end the daemon, if started by hand; the undo starts none."""
        return Moves((), ()) if managed else Moves((command("pkill", "-x", "nullmailer-send", ok=(0, 1)),), ())


def _letter(head: bytes) -> Letter:
    """Read the sender's line and the recipients' lines, up to an empty line."""
    sender, *recipients = head.decode("utf-8", "surrogateescape").split("\n\n")[0].split("\n")
    return Letter(sender, tuple(recipients), len(recipients))

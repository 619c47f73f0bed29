"""msmtp."""

from __future__ import annotations

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue, counted, letters_of

_QUEUES = tuple(f"{home}/.msmtp{name}" for home in ("/root", "/home/*") for name in (".queue", "queue"))
"""Folders of msmtpq and of msmtp-enqueue.sh, scripts of msmtp's package."""


class Msmtp(MailServer[FilesFact, HeadsFact]):
    """msmtp: no daemon; each message is sent at once, and msmtpd, where it runs, listens on loopback.

    Queues are folders of users, run by the users' own scripts.
    """

    name = "msmtp"
    units = ("msmtpd.service",)
    scripts = ("msmtpd",)
    binaries = ("msmtp",)
    programs = ("*/bin/msmtpd",)
    deliveries = ("*/bin/msmtp",)
    commands = ("msmtpd",)
    queue = FilesBelow(_QUEUES, name="*.mail")
    mail = FileHeads(_QUEUES, length=4096, name="*.mail")
    show_queue = "msmtp-queue -d"
    delete_queued = "rm ~/.msmtp.queue/MESSAGE-ID.*"
    uncovered = (
        tr(
            "msmtp sends what a local program hands to sendmail at once, without a daemon: only packets "
            "dropped upstream stop that"
        ),
    )

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages of all users."""
        return counted(listed)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the header of each message: the envelope is in another file."""
        return letters_of(read, _letter)

    def end(self, *, managed: bool) -> Moves:
        """Return the command to end msmtpd, if started by hand; the undo starts none."""
        return Moves((), ()) if managed else Moves((command("pkill", "-x", "msmtpd", ok=(0, 1)),), ())


def _letter(head: bytes) -> Letter:
    """Read the header's first `From` and `To`."""
    lines = head.decode("utf-8", "surrogateescape").split("\n\n")[0].split("\n")
    fields = {
        name.lower(): value.strip() for name, colon, value in (ln.partition(":") for ln in lines[::-1]) if colon
    }
    recipients = tuple(part.strip() for part in fields.get("to", "").split(",") if part.strip())
    return Letter(fields.get("from", ""), recipients, len(recipients))

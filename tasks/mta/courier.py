"""Courier."""

from __future__ import annotations

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue, counted, letters_of

_SPOOL = ("/var/lib/courier/msgs", "/var/spool/courier/msgs")


class Courier(MailServer[FilesFact, HeadsFact]):
    """Courier's mail server: courierd delivers, couriertcpd listens for SMTP and submission, each with its unit.

    courier-imap and courier-pop are other packages, with units of their own, and stay as they are. A message is a
    file `C…`, the control file, and a file `D…`.
    """

    name = "Courier"
    units = (
        *("courier-mta.service", "courier-mta-ssl.service", "courier-msa.service", "courier.service"),
        "courierfilter.service",
    )
    scripts = ("courier", "courier-mta", "courier-mta-ssl", "courier-msa")
    programs = ("*/courier/courierd", "*/courier/courieresmtpd", "*/courieresmtpd", "*/courier/modules/*")
    commands = ("courierd", "courieresmtpd")
    queue = FilesBelow(_SPOOL, name="C[0-9]*")
    mail = FileHeads(_SPOOL, name="C[0-9]*")
    show_queue = "mailq"
    delete_queued = "cancelmsg MESSAGE-ID"

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the control files."""
        return counted(listed)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the control files."""
        return letters_of(read, _letter)

    def end(self, *, managed: bool) -> Moves:
        """Return the command to end the daemon, if started by hand; the undo starts none."""
        return Moves((), ()) if managed else Moves((command("pkill", "-x", "courierd", ok=(0, 1)),), ())


def _letter(control: bytes) -> Letter:
    """Read the lines `sSENDER` and `rRECIPIENT` (courier/doc/queue.html)."""
    lines = control.decode("utf-8", "surrogateescape").split("\n")
    sender = next((line[1:] for line in lines if line.startswith("s")), "")
    recipients = tuple(line[1:] for line in lines if line.startswith("r"))
    return Letter(sender, recipients, len(recipients))

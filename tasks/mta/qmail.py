"""qmail and its descendants."""

from __future__ import annotations

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue, counted

_QUEUE = "/var/qmail/queue"


class Qmail(MailServer[FilesFact, HeadsFact]):
    """qmail, netqmail, notqmail, s/qmail: qmail-send delivers, tcpserver starts qmail-smtpd for each connection.

    As a rule, supervise(8) or runsv(8) runs both and starts each again: the step takes down the service directories
    that name qmail. An envelope is kept in `info` (the sender) and in `local` and `remote` (recipients), so that the
    review names senders, and counts no recipients.
    """

    name = "qmail"
    units = (
        "qmail.service",
        "qmail-send.service",
        "qmail-smtpd.service",
        "qmail-smtpd@*.service",
        "qmail-smtpd.socket",
    )
    scripts = ("qmail", "notqmail", "netqmail")
    programs = ("/var/qmail/bin/*", "*/qmail/bin/qmail-*", "*/qmail-send", "*/qmail-smtpd", "*/qmail-rspawn")
    commands = ("qmail-send", "qmail-smtpd", "qmail-rspawn", "qmail-lspawn", "qmail-clean")
    queue = FilesBelow((f"{_QUEUE}/mess/*", f"{_QUEUE}/todo/*"))
    mail = FileHeads((f"{_QUEUE}/info/*",))
    show_queue = "qmail-qread"
    delete_queued = "qmail-remove -r -p PATTERN"

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages."""
        return counted(listed)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the senders: `F`, the address, NUL (INTERNALS, section 2)."""
        if read.heads is None:
            return None
        senders = [head.split(b"\0")[0].decode("utf-8", "surrogateescape") for head in read.heads]
        return [Letter(sender.removeprefix("F"), (), None) for sender in senders]

    def end(self, *, managed: bool) -> Moves:
        """Return the command to end the daemon, if started by hand: on TERM, qmail-send ends after its deliveries."""
        return Moves((), ()) if managed else Moves((command("pkill", "-x", "qmail-send", ok=(0, 1)),), ())

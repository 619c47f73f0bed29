"""OpenSMTPD."""

from __future__ import annotations

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue, letters_of, since

_SPOOL = "/var/spool/smtpd"
_OFFLINE = f"{_SPOOL}/offline"
"""Where sendmail(8) leaves messages while smtpd(8) does not run; the directory is there even if empty."""


class OpenSmtpd(MailServer[FilesFact, HeadsFact]):
    """OpenSMTPD, called opensmtpd by Debian and Fedora, smtpd by Arch and Alpine.

    The queue is read from the spool: a directory per message, with a file `message` and a file per recipient, the
    envelope. smtpctl(8) would ask the running daemon instead. Postfix has a program of the same name, `smtpd`, in a
    directory of its own.
    """

    name = "OpenSMTPD"
    units = ("opensmtpd.service", "smtpd.service")
    scripts = ("opensmtpd", "smtpd")
    programs = ("/usr/sbin/smtpd", "/usr/local/sbin/smtpd", "/usr/bin/smtpd", "*/opensmtpd/*")
    commands = ("smtpd",)
    queue = FilesBelow((f"{_SPOOL}/queue/*/*/message", _OFFLINE))
    mail = FileHeads((f"{_SPOOL}/queue/*/*/[0-9a-f]*", _OFFLINE))
    show_queue = "smtpctl show queue"
    delete_queued = "smtpctl remove MESSAGE-ID"

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages of the queue, and those that local programs left for later."""
        if listed.count is None:
            return None
        return Queue(listed.count, since(listed.oldest), whole=listed.whole)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the envelopes: one message to two recipients counts twice."""
        return letters_of(read, _letter)

    def end(self, *, managed: bool) -> Moves:
        """The parent process ends its children; a server that was started by hand is started again by the undo."""
        if managed:
            return Moves((), ())
        return Moves((command("pkill", "-x", "smtpd", ok=(0, 1)),), (command("smtpd"),))


def _letter(envelope: bytes) -> Letter:
    """Read the lines `sender: LOCAL@DOMAIN` and `rcpt: LOCAL@DOMAIN`; a bounce has the sender `@`."""
    lines = envelope.decode("utf-8", "surrogateescape").splitlines()
    fields = {name: value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
    if "sender" not in fields or "rcpt" not in fields:
        return Letter("(unreadable: compressed, encrypted, or left for later by a local program)", (), 1)
    return Letter("" if fields["sender"] == "@" else fields["sender"], (fields["rcpt"],), 1)

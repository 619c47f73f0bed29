"""sendmail."""

from __future__ import annotations

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue, counted, letters_of

_QUEUES = ("/var/spool/mqueue*", "/var/spool/clientmqueue*")


class Sendmail(MailServer[FilesFact, HeadsFact]):
    """sendmail: a daemon, and a queue runner for mail of local programs (sm-client on Red Hat).

    A message is a file `qf…`, the envelope and header, and a file `df…`, the body. Scripts of cron and of the network
    run the queue without the daemon.
    """

    name = "sendmail"
    units = ("sendmail.service", "sm-client.service")
    scripts = ("sendmail",)
    programs = ("*/sendmail/sendmail", "*/sendmail.sendmail", "*/sm-mta", "*/sm-msp", "/usr/lib/sm.bin/sendmail")
    commands = ("sendmail-mta", "sm-mta", "sendmail")
    queue = FilesBelow(_QUEUES, name="qf*")
    mail = FileHeads(_QUEUES, length=4096, name="qf*")
    show_queue = "mailq"
    delete_queued = "rm /var/spool/mqueue/?fMESSAGE-ID"
    hooks = ("/etc/network/if-up.d/sendmail", "/etc/ppp/ip-up.d/sendmail", "/etc/dhcp/dhclient-exit-hooks.d/sendmail")
    uncovered = (
        tr(
            "sendmail delivers what a local program hands to sendmail without its daemon: only packets "
            "dropped upstream stop that"
        ),
    )

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages of the daemon's queues and of the queue of local programs."""
        return counted(listed)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the envelopes."""
        return letters_of(read, _letter)

    def end(self, *, managed: bool) -> Moves:
        """Return the command to end daemon and queue runners, if started by hand; the undo starts none."""
        return Moves((), ()) if managed else Moves((command("pkill", "-x", "sendmail(-mta)?|sm-mta", ok=(0, 1)),), ())


def _letter(envelope: bytes) -> Letter:
    """Read the lines `S<SENDER>` and `RFLAGS:<RECIPIENT>` (sendmail's doc/op, queue file format)."""
    sender, recipients = "", []
    for line in envelope.decode("utf-8", "surrogateescape").split("\n"):
        if line.startswith("S"):
            sender = line[1:].strip().strip("<>")
        elif line.startswith("R"):
            recipients.append(line[1:].rpartition(":")[2].strip().strip("<>"))
        elif line.startswith("."):
            break
    return Letter(sender, tuple(recipients), len(recipients))

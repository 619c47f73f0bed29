"""dma, the DragonFly Mail Agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stopgap.orchestrator.change import PathChange, write_file
from stopgap.orchestrator.facts import ABSENT, FileFact, FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue, counted, letters_of

_SPOOL = ("/var/spool/dma",)
_SETTINGS = "/etc/dma/dma.conf"


class Dma(MailServer[FilesFact, HeadsFact]):
    """dma: no daemon; each message is sent by a process of its own, and a line of cron runs the queue.

    With `DEFER` in its settings, dma queues what local programs send, and sends at the queue run alone (dma(8)).
    """

    name = "dma"
    units = ()
    scripts = ()
    binaries = ("dma",)
    programs = ("*/sbin/dma", "*/libexec/dma")
    deliveries = programs
    commands = ("dma",)
    queue = FilesBelow(_SPOOL, name="M*")
    mail = FileHeads(_SPOOL, name="Q*")
    show_queue = "dma -bp"
    delete_queued = "rm /var/spool/dma/?MESSAGE-ID"
    files = (_SETTINGS,)

    def silence(self, files: Mapping[str, FileFact]) -> Iterator[PathChange]:
        """Set DEFER."""
        settings = files.get(_SETTINGS, ABSENT)
        text = settings.text() or ""
        if settings.kind == "file" and "DEFER" not in text.split():
            yield from filter(None, [write_file(_SETTINGS, f"{text}\nDEFER\n", settings, mode=settings.mode)])

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages; one message to two recipients counts twice."""
        return counted(listed)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the queue files."""
        return letters_of(read, _letter)

    def end(self, *, managed: bool) -> Moves:
        """End no delivery: those under way are frozen."""
        return Moves((), ())


def _letter(head: bytes) -> Letter:
    """Read the lines `Sender: …` and `Recipient: …`."""
    fields = dict(line.partition(": ")[::2] for line in head.decode("utf-8", "surrogateescape").split("\n"))
    return Letter(fields.get("Sender", ""), (fields.get("Recipient", ""),), 1)

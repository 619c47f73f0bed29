"""Postfix."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.change import command
from stopgap.orchestrator.facts import FileHeads, FilesBelow, FilesFact, HeadsFact
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.server import Letter, MailServer, Queue, since

QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")
"""Directories of messages in the spool (QSHAPE_README); a message keeps its file as it moves between them."""

_LONGEST = 28
"""Bits of a record's length."""
_MOST_RECIPIENTS = 1_000_000


class Postfix(MailServer[FilesFact, HeadsFact]):
    """Postfix: Debian's postfix.service is a wrapper around postfix@-.service, the unit of the daemon.

    Mail sent meanwhile by local programs is queued by postdrop(1). The queue is counted from spool files:
    postqueue(1) would make Postfix start a daemon and create a lock in the spool.
    """

    name = "Postfix"
    units = ("postfix.service", "postfix@*.service")
    scripts = ("postfix",)
    programs = ("*/lib/postfix/*", "*/libexec/postfix/*", "*/postfix/libexec/*")
    commands = ("master", "qmgr", "pickup")
    queue = FilesBelow(tuple(f"/var/spool/postfix*/{name}" for name in QUEUES))
    mail = FileHeads(queue.patterns, length=4096)
    root_programs = frozenset({"postfix", "postmulti"})
    show_queue = "postqueue -p"
    delete_queued = "postsuper -d QUEUE-ID"

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages of all instances."""
        if listed.count is None:
            return None
        return Queue(listed.count, since(listed.oldest), whole=listed.whole)

    def letters(self, read: HeadsFact) -> list[Letter] | None:
        """Read the envelope at the beginning of each queue file."""
        return None if read.heads is None else [envelope(head) for head in read.heads]

    def end(self, *, managed: bool) -> Moves:
        """Return commands to end the master process and all children, if started by hand; with the undo."""
        if managed:
            return Moves((), ())
        return Moves((command("postfix", "stop"),), (command("postfix", "start"),))


def envelope(head: bytes) -> Letter:
    """Return sender, recipients and count of a queue file, from the records within `head`.

    The first record holds the message's size, the offset and the number of recipients (cleanup(8)).
    """
    sender, recipients, size = "", [], [0, 0, 0]
    behind = False
    for place, kind, data in _records(head, 0):
        if kind == b"C":
            numbers = (parse_int(word) for word in data.split())
            size = ([number for number in numbers if number is not None] + [0, 0, 0])[:3]
        elif kind == b"S":
            sender = data.decode("utf-8", "surrogateescape")
        elif kind == b"R":
            recipients.append(data)
        behind = kind == b"M" and size[0] + size[1] > place
    if behind:
        recipients += [data for _, kind, data in _records(head, size[0] + size[1]) if kind == b"R"]
    known = tuple(data.decode("utf-8", "surrogateescape") for data in recipients)
    return Letter(sender, known, max(len(known), min(size[2], _MOST_RECIPIENTS)))


def _records(head: bytes, place: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Give place, type and content of each record: a length of seven bits a byte; the message's own are left out."""
    while place < len(head):
        start, kind, length, shift = place, head[place : place + 1], 0, 0
        place += 1
        while place < len(head) and shift < _LONGEST:
            length |= (head[place] & 0x7F) << shift
            place, shift, more = place + 1, shift + 7, head[place] & 0x80
            if not more:
                break
        yield start, kind, head[place : place + length]
        if kind in {b"M", b"E"}:
            return
        place += length

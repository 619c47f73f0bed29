"""Postfix."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.change import command
from orchestrator.facts import FilesBelow, FilesFact
from tasks.host.units import Moves
from tasks.mta.server import MailServer, Queue

QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")
"""Directories of messages in the spool (QSHAPE_README); a message keeps its file as it moves between them."""


class Postfix(MailServer[FilesFact]):
    """Debian's postfix.service is a shell around postfix@-.service, which holds the daemon.

    What local programs send meanwhile is put into the queue by postdrop(1), and waits there. The queue is counted by
    its files: postqueue(1) would have Postfix start a daemon and make a lock in its spool.
    """

    name = "Postfix"
    units = ("postfix.service", "postfix@*.service")
    scripts = ("postfix",)
    programs = ("*/lib/postfix/*", "*/libexec/postfix/*")
    commands = ("master", "qmgr", "pickup")
    queue = FilesBelow(tuple(f"/var/spool/postfix*/{name}" for name in QUEUES))
    show_queue = "postqueue -p"

    def queued(self, listed: FilesFact) -> Queue | None:
        """Count the messages of all instances."""
        if listed.count is None:
            return None
        since = f"since {datetime.fromtimestamp(listed.oldest, UTC):%Y-%m-%d %H:%M} UTC" if listed.oldest else ""
        return Queue(listed.count, since, whole=listed.whole)

    def end(self, *, managed: bool) -> Moves:
        """Its master process takes all others with it."""
        if managed:
            return Moves((), ())
        return Moves((command("postfix", "stop"),), (command("postfix", "start"),))

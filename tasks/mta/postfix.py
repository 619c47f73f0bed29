"""Postfix."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from orchestrator.change import command
from orchestrator.facts import Program, ProgramFact
from tasks.host.units import Moves
from tasks.mta.server import MailServer, Queue


class Postfix(MailServer):
    """Debian's postfix.service is a shell around postfix@-.service, which holds the daemon.

    What local programs send meanwhile is put into the queue by postdrop(1), and waits there.
    """

    name = "Postfix"
    units = ("postfix.service", "postfix@*.service")
    scripts = ("postfix",)
    programs = ("*/lib/postfix/*", "*/libexec/postfix/*")
    commands = ("master", "qmgr", "pickup")
    queue = Program(("postqueue", "-j"), partial=True)
    show_queue = "postqueue -p"

    def queued(self, listed: ProgramFact) -> Queue | None:
        """Read one JSON object a line (postqueue(1), `-j`)."""
        if listed.status != 0 and not listed.cut:
            return None
        arrivals = [at for line in listed.stdout.splitlines() if (at := _arrival(line)) is not None]
        since = f"since {datetime.fromtimestamp(min(arrivals), UTC):%Y-%m-%d %H:%M} UTC" if arrivals else ""
        return Queue(len(arrivals), since, whole=not listed.cut)

    def end(self, *, managed: bool) -> Moves:
        """Its master process takes all others with it."""
        if managed:
            return Moves((), ())
        return Moves((command("postfix", "stop"),), (command("postfix", "start"),))


def _arrival(line: str) -> int | None:
    """Seconds since the epoch; None for a line that is no message's, such as one that was cut."""
    try:
        at = json.loads(line)["arrival_time"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return at if isinstance(at, int) and 0 <= at < 1 << 35 else None

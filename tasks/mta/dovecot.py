"""Dovecot's submission service: closed, while readers keep IMAP and POP3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from stopgap.orchestrator.change import Activate, command, write_file
from stopgap.orchestrator.facts import ABSENT, FileFact, PlacedProcess
from stopgap.orchestrator.task import Gap, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.mta.located import mail_ports
from stopgap.tasks.mta.server import ROUTER_DROPS

NAMES = ("dovecot",)
_MAIN = "/etc/dovecot/dovecot.conf"
_OWN = "/etc/dovecot/conf.d/zz-stopgap.conf"
FILES = (_MAIN, _OWN)
_INCLUDES = re.compile(r"^\s*!include(?:_try)?\s+(?:/etc/dovecot/)?conf\.d/\*\.conf", re.MULTILINE)
_CLOSED = """\
# Written by stopgap; "stopgap undo" removes the file. Port 0 is no listener (Dovecot, service configuration).
service submission-login {
  inet_listener submission {
    port = 0
  }
  inet_listener submissions {
    port = 0
  }
}
"""


def close_submission(running: Sequence[PlacedProcess], files: Mapping[str, FileFact]) -> Iterator[Planned]:
    """Yield the file that closes submission, and the reload; a gap where no file of conf.d is read."""
    for process in running:
        ports = " and ".join(map(str, mail_ports(process)))
        if not _INCLUDES.search(files.get(_MAIN, ABSENT).text() or ""):
            text = tr(
                "Dovecot takes submissions on {ports}, and {main} reads no conf.d: close submission-login there",
                ports=ports,
                main=_MAIN,
            )
            yield Gap(text=text, at_best=ROUTER_DROPS)
            return
        change = write_file(_OWN, _CLOSED, files.get(_OWN, ABSENT))
        if change:
            yield change
        yield Activate(
            about=tr("have Dovecot close {ports}; IMAP and POP3 stay", ports=ports),
            test=(command("doveconf", "-h", "protocols"),),
            take=(command("doveadm", "reload"),),
        )
        return

"""A super-server, inetd or xinetd, that starts a mail server for each connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from stopgap.orchestrator.change import Activate, PathChange, command, write_file
from stopgap.orchestrator.facts import ABSENT, FileFact, PlacedProcess
from stopgap.orchestrator.task import Gap, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.mta.located import mail_ports
from stopgap.tasks.mta.server import ROUTER_DROPS

_INETD = "/etc/inetd.conf"
_XINETD = tuple(f"/etc/xinetd.d/{name}" for name in ("smtp", "smtps", "submission", "exim", "sendmail", "postfix"))
FILES = (_INETD, *_XINETD)
_MAIL_LINE = re.compile(r"(?:\S+:)?(?:smtp|smtps|ssmtp|urd|submissions?|25|465|587|2525)\s")
_ENABLED = re.compile(r"^(\s*)disable(\s*)=\s*no\s*$", re.MULTILINE)
_OPEN = re.compile(r"^\s*\{", re.MULTILINE)


def take_out(running: Sequence[PlacedProcess], files: Mapping[str, FileFact]) -> Iterator[Planned]:
    """Yield changes to take the mail services out of the super-servers that listen on a mail port, then a reload.

    Other services of the super-server stay as they are.
    """
    for process in running:
        ports = " and ".join(map(str, mail_ports(process)))
        changes = list(_xinetd(files) if "xinetd" in (process.name, process.exe) else _inetd(files))
        if not changes:
            text = tr(
                "{process} (process {pid}) listens on {ports}, by no file known to Stopgap: take mail out of "
                "its configuration by hand",
                process=process.name,
                pid=process.pid,
                ports=ports,
            )
            yield Gap(text=text, at_best=ROUTER_DROPS)
            continue
        yield from changes
        yield Activate(
            about=tr(
                "have {process} read its configuration again, without mail on {ports}",
                process=process.name,
                ports=ports,
            ),
            test=(),
            take=(command("pkill", "-HUP", "-x", process.name, ok=(0, 1)),),
        )


def _inetd(files: Mapping[str, FileFact]) -> Iterator[PathChange]:
    found = files.get(_INETD, ABSENT)
    lines = (found.text() or "").splitlines(keepends=True)
    quiet = "".join(f"#stopgap# {line}" if _MAIL_LINE.match(line) else line for line in lines)
    if found.kind == "file" and found.content is not None:
        yield from filter(None, [write_file(_INETD, quiet, found, mode=found.mode)])


def _xinetd(files: Mapping[str, FileFact]) -> Iterator[PathChange]:
    for path in _XINETD:
        found = files.get(path, ABSENT)
        text = found.text() or ""
        if found.kind != "file" or re.search(r"^\s*disable\s*=\s*yes", text, re.MULTILINE):
            continue
        quiet = _ENABLED.sub(r"\1disable\2= yes", text)
        if quiet == text:
            quiet = _OPEN.sub("{\n\tdisable = yes", text, count=1)
        yield from filter(None, [write_file(path, quiet, found, mode=found.mode)])

"""A super-server, inetd or xinetd, that starts a mail server for each connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from stopgap.orchestrator.change import Activate, PathChange, command, write_file
from stopgap.orchestrator.facts import FileFact, PlacedProcess
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.mta.located import mail_ports
from stopgap.tasks.mta.server import ROUTER_DROPS

FILES = ("/etc/inetd.conf", "/etc/inetd.d/*", "/etc/xinetd.conf", "/etc/xinetd.d/*")
_SERVICE = r"(?:smtps?|ssmtp|urd|submissions?|25|465|587|2525)"
_MAILER = r"(?:exim4?|sendmail|postfix|smtpd|qmail-\w+|tcp-env|courieresmtpd|esmtpd|rsmtpd)"
_MAIL_LINE = re.compile(rf"(?:\S+:)?{_SERVICE}\s|[^#\s]\S*\s+stream\s.*[\s/]{_MAILER}(?:\s|$)")
"""By the service's name or port, or by the program, wherever the line has it listen."""
_BLOCK = re.compile(r"^[ \t]*service[ \t]+(\S+)\s*\{([^}]*)\}", re.MULTILINE)
_MAIL_BLOCK = re.compile(
    rf"^\s*(?:port\s*=\s*{_SERVICE}|(?:server|server_args)\s*=\s*(?:\S*/|.*\s)?{_MAILER})\s*$", re.MULTILINE
)
_DISABLE = re.compile(r"^(\s*)disable(\s*)=\s*(\w+)[ \t]*$", re.MULTILINE)


def take_out(running: Sequence[PlacedProcess], files: Mapping[str, FileFact]) -> Iterator[Planned]:
    """Yield changes to take the mail services out of the super-servers that run, then a reload; a note names each.

    Other services of a super-server stay as they are. A super-server that listens on a mail port by no known file is
    a gap.
    """
    done: set[str] = set()
    for process in running:
        found = _services(process, files)
        ports = " and ".join(map(str, mail_ports(process)))
        told = {"process": process.name, "pid": process.pid, "ports": ports}
        if not found:
            if ports:
                text = tr(
                    "{process} (process {pid}) listens on {ports}, by no file known to Stopgap: take mail out of "
                    "its configuration by hand",
                    **told,
                )
                yield Gap(text=text, at_best=ROUTER_DROPS)
            continue
        services = joined(", ", [service for _, services in found for service in services])
        where = ", ".join(change.path for change, _ in found)
        if ports:
            text = tr(
                "found: {process} listens on {ports} and starts {services} ({where})",
                **told,
                services=services,
                where=where,
            )
        else:
            text = tr("found: {process} starts {services} ({where})", **told, services=services, where=where)
        yield Note(text=text)
        yield from (change for change, _ in found if change.path not in done)
        done |= {change.path for change, _ in found}
        about = (
            tr("have {process} read its configuration again, without mail on {ports}", **told)
            if ports
            else tr("have {process} read its configuration again, without mail", **told)
        )
        yield Activate(about=about, test=(), take=(command("pkill", "-HUP", "-x", process.name, ok=(0, 1)),))


def programs(running: Sequence[PlacedProcess], files: Mapping[str, FileFact]) -> list[str]:
    """Return the programs that the super-servers start for mail."""
    return [path for process in running for _, services in _services(process, files) for path in services]


def _services(process: PlacedProcess, files: Mapping[str, FileFact]) -> list[tuple[PathChange, list[str]]]:
    """Return the changes that take mail out of a super-server, each with the programs of the services.

    With `-inetd_compat`, as Debian starts it, xinetd reads inetd's file too.
    """
    return [*_inetd(files), *(_xinetd(files) if process.name == "xinetd" else ())]


def _inetd(files: Mapping[str, FileFact]) -> Iterator[tuple[PathChange, list[str]]]:
    for path, found in _texts(files, "/etc/inetd."):
        lines = (found.text() or "").splitlines(keepends=True)
        mine = [line for line in lines if _MAIL_LINE.match(line)]
        quiet = "".join(f"#stopgap# {line}" if line in mine else line for line in lines)
        if mine and (change := write_file(path, quiet, found, mode=found.mode)):
            yield change, [path for line in mine for path in _paths(line)]


def _xinetd(files: Mapping[str, FileFact]) -> Iterator[tuple[PathChange, list[str]]]:
    for path, found in _texts(files, "/etc/xinetd."):
        text = found.text() or ""
        mine = [block for block in _BLOCK.finditer(text) if _takes_mail(block[1], block[2])]
        quiet = _BLOCK.sub(_closed, text)
        if mine and (change := write_file(path, quiet, found, mode=found.mode)):
            yield change, [path for block in mine for path in _paths(block[2])]


def _takes_mail(name: str, body: str) -> bool:
    said = _DISABLE.search(body)
    of_mail = re.fullmatch(_SERVICE, name) or _MAIL_BLOCK.search(body)
    return bool(of_mail) and not (said and said[3] == "yes")


def _closed(block: re.Match[str]) -> str:
    """Return the block of a mail service with `disable = yes`."""
    name, body = block[1], block[2]
    if not _takes_mail(name, body):
        return block[0]
    said = _DISABLE.search(body)
    closed = _DISABLE.sub(r"\1disable\2= yes", body) if said else f"\n\tdisable = yes{body}"
    before, after = block.start(2) - block.start(), block.end(2) - block.start()
    return block[0][:before] + closed + block[0][after:]


def _texts(files: Mapping[str, FileFact], beginning: str) -> Iterator[tuple[str, FileFact]]:
    yield from (
        (path, found) for path, found in sorted(files.items()) if path.startswith(beginning) and found.kind == "file"
    )


def _paths(text: str) -> list[str]:
    return [word for word in text.split() if word.startswith("/")]

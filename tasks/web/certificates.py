"""A certificate on the host that shows the page: whether browsers take it, as far as the file tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from stopgap.orchestrator.facts import Program, ProgramFact, ReadOnly
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.task import Unplannable
from stopgap.orchestrator.text import tr

_SHOW = ReadOnly(
    ("openssl", "x509", "-noout", "-subject", "-issuer", "-enddate", "-ext", "subjectAltName", "-checkend"),
    more=r"-in|[0-9]+|(/[A-Za-z0-9._+-]+)+",
    because="openssl-x509(1): -noout writes no certificate, and the others print fields",
)
_NOT_INSTALLED = 127
FOLDER = "/etc/ssl/stopgap"
"""Where `web.certificate` puts key and certificate on the spare, unless told otherwise."""
_MOST = 5


def reader(path: str, within: timedelta = timedelta(0)) -> Program:
    """Return the reader of the certificate's fields; status 1 if the certificate ends within a time."""
    return _SHOW.asked(str(int(within.total_seconds())), "-in", path)


def prepared(names: Sequence[str]) -> Mapping[str, Program]:
    """Return readers of what may have been prepared for the names, by path."""
    return {path: reader(path) for path in (f"{FOLDER}/{name}.pem" for name in names[:_MOST])}


def is_one(shown: ProgramFact) -> bool:
    """Return True if the file holds a certificate."""
    return "notAfter=" in shown.stdout


def faults(path: str, shown: ProgramFact, names: tuple[str, ...], on: Host) -> Iterator[str]:
    """Yield why browsers would warn before the page; nothing where openssl(1) is not installed.

    Raises Unplannable if there is no certificate.
    """
    if shown.status in {_NOT_INSTALLED, -1}:
        return
    if not is_one(shown):
        raise Unplannable(
            tr(
                "{path} on {host} is no certificate that openssl reads: {said}",
                path=path,
                host=on.name,
                said=next(iter(shown.stderr.splitlines()), "") or tr("no answer"),
            )
        )
    yield from faults_of(shown, names)


def faults_of(shown: ProgramFact, names: tuple[str, ...]) -> Iterator[str]:
    """Yield why browsers would warn of a certificate."""
    fields = dict(line.partition("=")[::2] for line in shown.stdout.splitlines() if "=" in line)
    if shown.status != 0:
        yield tr("it ends at {end}", end=fields.get("notAfter", ""))
    if fields.get("subject") == fields.get("issuer"):
        yield tr("it is signed by itself")
    held = re.findall(r"DNS:([^,\s]+)", shown.stdout) or re.findall(r"CN ?= ?([^,\s]+)", fields.get("subject", ""))
    if missing := [name for name in names if not any(_covers(each, name) for each in held)]:
        yield tr("it is not for {names}", names=", ".join(missing))


def _covers(held: str, name: str) -> bool:
    """Return True if a name of a certificate is for a site (RFC 6125, 6.4.3: `*` is one label)."""
    held, name = held.lower(), name.lower().removesuffix(".")
    return held == name or (held.startswith("*.") and held[2:] == name.partition(".")[2])

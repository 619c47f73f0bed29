"""The address of a team's journal, with its password by a reference only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.secret import Secret

VARIABLE = "STOPGAP_JOURNAL"
PASSWORD = "STOPGAP_JOURNAL_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class Address:
    """Where a team's journal is. `shown` names it on screens, in errors and in logs: without account and options."""

    url: str
    """A connection URI of libpq, without a password."""
    shown: str
    password: Secret | None = field(default=None, repr=False)
    """None: libpq's own ways, such as ~/.pgpass and a service file."""


def team_address(environ: Mapping[str, str]) -> Address | None:
    """Return the address that `$STOPGAP_JOURNAL` names; None without one: the journal is SQLite in the state folder.

    `$STOPGAP_JOURNAL_PASSWORD` is a reference: `env:NAME`, `file:/PATH`, `keyring:…`. Raises JournalError for another
    scheme, and for a password within the address, without repeating the address.
    """
    url = environ.get(VARIABLE, "").strip()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        known = parts.scheme in {"postgresql", "postgres"}
        password = parts.password is not None or "password" in options
    except ValueError:
        known, password = False, False
    if not known:
        raise JournalError(
            tr("{variable} names no database: postgresql://HOST/DATABASE, or unset for SQLite", variable=VARIABLE)
        )
    if password:
        raise JournalError(
            tr(
                "{variable} holds a password, which other programs could read; put the password into ~/.pgpass, "
                "a service file, or name a reference in {other}: env:NAME, file:/PATH",
                variable=VARIABLE,
                other=PASSWORD,
            )
        )
    place = parts.netloc.rpartition("@")[2] or options.get("host", "")
    name = f"service={options['service']}" if "service" in options else f"postgresql://{place}{parts.path}"
    reference = environ.get(PASSWORD)
    if not reference:
        return Address(url, name)
    from stopgap.orchestrator.secret import Secret  # noqa: PLC0415 - few databases have a password here

    return Address(url, name, Secret.read(reference))

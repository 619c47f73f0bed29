"""The tables of docs/logins.md, from the rows that the tests hold: python -m tests.logins.table writes the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .accounts import ACCOUNTS
from .hosts import HOSTS
from .servers import SERVERS

BEGIN, END = "<!-- rows -->\n", "<!-- end of rows -->\n"


def written(page: str) -> str:
    """Give the page with its rows renewed."""
    head, _, rest = page.partition(BEGIN)
    return head + BEGIN + "".join(_rows()) + END + rest.partition(END)[2]


def _rows() -> Iterator[str]:
    yield "\n| the account | Stopgap |\n|---|---|\n"
    for account in ACCOUNTS:
        yield f"| {account.about} (`{account.name}`) | {_plain(account.expect)} |\n"
    yield "\n| the server | Stopgap | over `transport: openssh` |\n|---|---|---|\n"
    for server in SERVERS:
        yield f"| {server.about} | {_plain(server.expect)} | {_plain(server.openssh or server.expect)} |\n"
    yield "\n| the host | a step that writes a file | evidence, profile volatile |\n|---|---|---|\n"
    for host in HOSTS:
        yield f"| {host.about} | {_plain(host.writes)} | {_plain(host.collects)} |\n"
    yield "\n"


def _plain(expect: str) -> str:
    r"""Say in words what a regular expression of the rows matches.

    >>> _plain(r"unreachable \(auth\): .*expired.*")
    'unreachable (auth): … expired …'
    """
    if expect.startswith("in as"):
        return "logs in, as root" if "root" in expect else "logs in"
    words = expect.replace(r"\S+", "…").replace(r"\w+", "…").replace(r"\d+", "…").replace("\\", "")
    return re.sub(r"\s+", " ", words.replace(".*", " … ")).strip().replace("|", "\\|")


if __name__ == "__main__":
    path = Path(__file__).parents[2] / "docs" / "logins.md"
    path.write_text(written(path.read_text()))

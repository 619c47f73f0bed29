"""journal install, and journal import without a folder: a team's journal, and what a machine has for it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal
from stopgap.orchestrator.documents.catalogue import installed_document, merged_document
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal import JournalError
from stopgap.orchestrator.journal.team.address import VARIABLE, Address, team_address
from stopgap.orchestrator.text import tr, trn


@dataclass(frozen=True)
class InstallOptions:
    """The options of `stopgap journal install`."""

    json: bool = False


def install_journal(options: InstallOptions) -> int:
    """Make the journal and the sites' queue in the database, or bring the journal to this version, with the roles."""
    from stopgap.orchestrator.journal.team.connection import Database
    from stopgap.orchestrator.journal.team.schema import ROLES, install
    from stopgap.orchestrator.sites.queue import prepare
    from stopgap.orchestrator.sites.rate import prepare_rate

    address = _address()
    database = Database(address)
    try:
        before, after = install(database)
    finally:
        database.close()
    prepare(address.url)
    prepare_rate(address.url, for_team=True)
    if options.json:
        print_document(installed_document(address.shown, before, after))
        return 0
    screen = screens.out()
    if before == after:
        screen.line(tr("{where}: schema {version}, nothing to do.", where=address.shown, version=after))
    else:
        screen.line(
            tr("{where}: schema {before} became {version}.", where=address.shown, before=before, version=after)
        )
    screen.line(tr("An account gets one of these roles: {roles}.", roles=", ".join(ROLES)))
    screen.line(tr("  for example:  GRANT stopgap_operator TO kei;"), "quiet")
    return 0


def bring_all(*, as_json: bool) -> int:
    """Bring every run of this machine that the team's journal lacks into it."""
    _address()
    with open_journal() as journal:
        if journal.apart:
            raise JournalError(journal.apart)
        merged = journal.merge_all()
    if as_json:
        print_document(merged_document(merged))
        return 0
    screen = screens.out()
    for each in merged:
        words = trn("{chain}: {count} record", "{chain}: {count} records", each.records, chain=each.chain)
        screen.line(tr("{words}, behind those of others", words=words) if each.forked else words)
    screen.line(trn("{count} run was brought in.", "{count} runs were brought in.", len(merged)))
    return 0


def _address() -> Address:
    found = team_address(os.environ)
    if found is None:
        raise UsageError(tr("{variable} names no team's journal: postgresql://HOST/DATABASE", variable=VARIABLE))
    return found

"""export iris, export thehive: a run as an alert of a case system."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.documents.catalogue import alert_document
from stopgap.orchestrator.exchange.marking import Tlp
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class ExportAlertOptions:
    """The options of `stopgap export iris` and `stopgap export thehive`."""

    run: str
    system: Literal["iris", "thehive"]
    to: str
    """The server's URL."""
    token: str
    """A reference (docs/secrets.md)."""
    ca: str | None = None
    customer: int = 1
    """Of DFIR-IRIS: the number of the customer that the alert is about."""
    tlp: Tlp = "amber"
    dry_run: bool = False
    json: bool = False


def export_alert(options: ExportAlertOptions) -> int:
    """Send a run to a case system, or print the requests."""
    from stopgap.orchestrator.cli.journals import open_journal_to_read
    from stopgap.orchestrator.exchange.alerts import iris, thehive
    from stopgap.orchestrator.exchange.alerts.client import Server
    from stopgap.orchestrator.exchange.alerts.content import alert_of
    from stopgap.orchestrator.exchange.case import read_case
    from stopgap.orchestrator.secret import Secret

    server = Server(options.to, Secret(options.token), options.ca)
    with open_journal_to_read() as journal:
        case = read_case(journal, options.run)
    show_damage(screens.err(), case.history.run, case.history.damage)
    damaged = int(bool(case.history.damage))
    alert = alert_of(case, options.tlp)
    shown = (iris if options.system == "iris" else thehive).without_server() if options.dry_run else None
    asked = shown or server
    if options.system == "iris":
        made = iris.to_iris(alert, asked, options.customer)
    else:
        made = thehive.to_thehive(alert, asked)
    requests = shown.requests if shown else []
    if options.json:
        there = None if shown else (made.id, made.state, made.indicators)
        print_document(alert_document(options.system, options.to, there, requests, alert.left_out))
        return damaged
    screen = screens.out()
    for each in requests:
        screen.line(f"{each['method']} {options.to.rstrip('/')}{each['path']}")
        if each["body"] is not None:
            screen.line(json.dumps(each["body"], ensure_ascii=False, indent=1))
    if shown:
        screen.line(tr("Nothing was sent; these are the requests to a server that has no such alert."))
    else:
        state = tr("created") if made.state == "created" else tr("brought up to date")
        screen.line(
            tr(
                "{url}: alert {id} {state}, {indicators} indicators sent, TLP:{tlp}",
                url=options.to,
                id=made.id,
                state=state,
                indicators=made.indicators,
                tlp=options.tlp.upper(),
            )
        )
    if alert.left_out:
        screen.line(tr("{count} indicators are left out: an alert takes no more", count=alert.left_out), "warn")
    return damaged

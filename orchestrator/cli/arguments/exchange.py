"""The options of `stopgap export` and `stopgap import`."""

from __future__ import annotations

from argparse import ArgumentParser

from stopgap.orchestrator.cli.arguments.command import Commands, command
from stopgap.orchestrator.cli.arguments.words import RUNBOOK_HELP, inventory_word, run_word, sign_word
from stopgap.orchestrator.cli.door import exchange as door


def export_words(commands: Commands) -> None:
    """Add the commands of `stopgap export`."""
    cacao = command(commands, "cacao", door.export_cacao, "write a runbook or a plan as a CACAO 2.0 playbook")
    cacao.add_argument("runbook", metavar="RUNBOOK", help=RUNBOOK_HELP)
    cacao.add_argument("-o", "--output", metavar="FILE", required=True, help="a new file, FILE.json")
    cacao.add_argument(
        "--plan", metavar="FILE", help="a plan of this runbook by --save-plan: its exact commands, undo and digest"
    )
    inventory_word(cacao, required=False)
    cacao.add_argument(
        "--for", dest="reader", choices=("soarca",), help="write what this reader carries out, and name what is lost"
    )
    sign_word(cacao, "the playbook")
    stix = command(commands, "stix", door.export_stix, "write a run's findings and acts as a STIX 2.1 bundle")
    misp = command(commands, "misp", door.export_misp, "write a run's findings and acts as a MISP event")
    for each in (stix, misp):
        run_word(each)
        each.add_argument("-o", "--output", metavar="FILE", required=True, help="a new file, FILE.json")
        tlp_word(each)
    iris = command(commands, "iris", door.export_alert, "send a run's findings and acts to DFIR-IRIS as an alert")
    iris.add_argument("--customer", metavar="NUMBER", type=int, default=1, help="customer of the alert; default: 1")
    thehive = command(
        commands, "thehive", door.export_alert, "send a run's findings and acts to TheHive 5 as an alert"
    )
    iris.set_defaults(system="iris")
    thehive.set_defaults(system="thehive", customer=1)
    for each in (iris, thehive):
        run_word(each)
        _server_words(each)
        tlp_word(each)
    _events_words(commands)


def _server_words(sending: ArgumentParser) -> None:
    sending.add_argument("--to", metavar="URL", required=True, help="the server, https://…")
    sending.add_argument("--token", metavar="REFERENCE", required=True, help="where the API key is, such as env:NAME")
    sending.add_argument("--ca", metavar="FILE", help="certificate authorities (PEM) in place of the system's")
    sending.add_argument("--dry-run", action="store_true", help="print the requests; send nothing")


def _events_words(commands: Commands) -> None:
    events = command(commands, "events", door.export_events, "print a run's events for a SIEM", json="the default")
    run_word(events)
    events.add_argument(
        "--format", choices=("ocsf", "ecs", "cloudevents"), default="ocsf", help="default: ocsf (1.8)"
    )


def tlp_word(exporting: ArgumentParser) -> None:
    """Add --tlp."""
    levels = ("clear", "green", "amber", "amber+strict", "red")
    exporting.add_argument("--tlp", choices=levels, default="amber", help="TLP 2.0 of the file; default: amber")


def import_words(commands: Commands) -> None:
    """Add the commands of `stopgap import`."""
    cacao = command(commands, "cacao", door.import_cacao, "write a runbook from a CACAO 2.0 playbook; nothing is run")
    cacao.add_argument("file", metavar="FILE", help="a playbook, FILE.json")
    cacao.add_argument("-o", "--output", metavar="RUNBOOK", required=True, help="a new file, RUNBOOK.yaml")
    inventory_word(cacao, required=False)
    ansible = command(
        commands, "ansible", door.import_ansible, "write a runbook from a playbook of Ansible's; nothing is run"
    )
    ansible.add_argument("file", metavar="FILE", help="a playbook, FILE.yml")
    ansible.add_argument("-o", "--output", metavar="RUNBOOK", required=True, help="a new file, RUNBOOK.yaml")
    how = ansible.add_mutually_exclusive_group()
    how.add_argument(
        "--opaque", action="store_true", help="one step that has Ansible run the playbook as it is, asked about first"
    )
    how.add_argument(
        "--files",
        metavar="DIR",
        help="read what copy and template name below this folder; without it, such tasks are dropped",
    )

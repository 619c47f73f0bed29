"""export, import: playbooks in the formats that other tools read; no host is contacted."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document, print_line
from stopgap.orchestrator.documents.catalogue import exported_document, imported_document
from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.exchange.marking import Form, Tlp
from stopgap.orchestrator.runbook.finding import runbook_file
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.text import Text, tr, trn

if TYPE_CHECKING:
    from stopgap.orchestrator.exchange.imported import Imported


@dataclass(frozen=True)
class ExportCacaoOptions:
    """The options of `stopgap export cacao`."""

    runbook: str
    output: Path
    plan: Path | None = None
    """A plan that --save-plan wrote: its commands are exported in place of the runbook's words."""
    inventories: tuple[str, ...] = ()
    """Where the addresses of the plan's hosts are."""
    reader: str | None = None
    """`soarca`: write what SOARCA carries out as it is meant."""
    sign_key: Path | None = None
    json: bool = False


def export_cacao(options: ExportCacaoOptions) -> int:
    """Write a runbook, or a plan of it, as a CACAO playbook."""
    from stopgap.orchestrator.exchange.cacao.exact import exact
    from stopgap.orchestrator.exchange.cacao.playbook import portable
    from stopgap.orchestrator.exchange.cacao.signing import signed
    from stopgap.orchestrator.exchange.cacao.soarca import for_soarca
    from stopgap.orchestrator.inventory import load_inventory
    from stopgap.orchestrator.plan.saved import read_plan
    from stopgap.orchestrator.run.person import operator
    from stopgap.orchestrator.runbook import load_runbook

    runbook = load_runbook(runbook_file(options.runbook))
    losses: tuple[Text, ...] = ()
    if options.plan:
        inventory = load_inventory(options.inventories) if options.inventories else None
        hosts = inventory.hosts if inventory else {}
        made = exact(
            runbook,
            read_plan(options.plan),
            {name: tuple(map(str, host.addresses or (host.address,))) for name, host in hosts.items()},
        )
        playbook, losses = made.playbook, made.losses
    else:
        playbook = portable(runbook)
    if options.reader == "soarca":
        playbook, lost = for_soarca(playbook)
        losses += lost
    if options.sign_key:
        playbook = signed(playbook, options.sign_key, operator())
    write_new(options.output, json.dumps(playbook, indent=1, ensure_ascii=True) + "\n")
    if options.json:
        print_document(exported_document("cacao", options.output, losses))
        return 0
    _tell(options.output, playbook, losses)
    return 0


@dataclass(frozen=True)
class ImportCacaoOptions:
    """The options of `stopgap import cacao`."""

    file: Path
    output: Path
    inventories: tuple[str, ...] = ()
    """Which hosts the addresses of the playbook are."""
    json: bool = False


def import_cacao(options: ImportCacaoOptions) -> int:
    """Write a runbook from a CACAO playbook, and tell what was dropped; the runbook is checked, and not run."""
    from stopgap.orchestrator.exchange.cacao.importing import imported
    from stopgap.orchestrator.exchange.cacao.reading import read_playbook
    from stopgap.orchestrator.inventory import load_inventory

    hosts = load_inventory(options.inventories).hosts if options.inventories else None
    made = imported(read_playbook(options.file), str(options.file), hosts)
    return _written(options.output, options.inventories, made, as_json=options.json)


@dataclass(frozen=True)
class ImportAnsibleOptions:
    """The options of `stopgap import ansible`."""

    file: Path
    output: Path
    files: Path | None = None
    """The folder whose files `copy` and `template` may name; without it, none is read."""
    opaque: bool = False
    """One step that has Ansible run the playbook, in place of steps for its tasks."""
    json: bool = False


def import_ansible(options: ImportAnsibleOptions) -> int:
    """Write a runbook from a playbook of Ansible's, and tell what was dropped; it is checked, and not run."""
    from stopgap.orchestrator.exchange.ansible.files import Files
    from stopgap.orchestrator.exchange.ansible.importing import imported
    from stopgap.orchestrator.exchange.ansible.opaque import opaque
    from stopgap.orchestrator.exchange.ansible.reading import read_playbook

    if options.opaque:
        return _written(options.output, (), opaque(options.file), as_json=options.json)
    if options.files is not None and not options.files.is_dir():
        raise UsageError(tr("--files {path}: there is no such folder", path=options.files))
    made = imported(read_playbook(options.file), Files(options.files))
    return _written(options.output, (), made, as_json=options.json)


def _written(output: Path, inventories: tuple[str, ...], made: Imported, *, as_json: bool) -> int:
    """Write an imported runbook, check it, tell both; return 1 where `check` finds a problem."""
    from stopgap.orchestrator.run.examine import examine

    write_new(output, made.text)
    try:
        problems = examine((str(output),), inventories, (), {}, None).problems
    except InvalidInput as error:
        problems = error.problems
    if as_json:
        print_document(imported_document(output, made.steps, made.dropped, made.warnings, list(map(str, problems))))
        return 1 if problems else 0
    screen = screens.out()
    screen.line(
        tr(
            "{output}: {steps}. Nothing was run.",
            output=output,
            steps=trn("{count} step", "{count} steps", made.steps),
        )
    )
    for text in made.dropped:
        screen.line(tr("  dropped: {text}", text=text), "quiet")
    for text in made.warnings:
        screen.line(tr("  warning: {text}", text=text), "warn")
    for problem in problems:
        screen.line(tr("  check: {problem}", problem=problem), "bad")
    screen.line(tr("Read it, then: stopgap check {output}", output=output))
    return 1 if problems else 0


@dataclass(frozen=True)
class ExportRunOptions:
    """The options of `stopgap export stix` and `stopgap export misp`."""

    run: str
    output: Path
    form: Literal["stix", "misp"]
    tlp: Tlp = "amber"
    json: bool = False


def export_run(options: ExportRunOptions) -> int:
    """Write what a run has found and done as a bundle of STIX, or an event of MISP."""
    from stopgap.orchestrator.cli.damage import show_damage
    from stopgap.orchestrator.cli.journals import open_journal_to_read
    from stopgap.orchestrator.exchange.case import read_case
    from stopgap.orchestrator.exchange.misp import write_misp
    from stopgap.orchestrator.exchange.stix import write_stix

    with open_journal_to_read() as journal:
        case = read_case(journal, options.run)
    show_damage(screens.err(), case.history.run, case.history.damage)
    write = write_stix if options.form == "stix" else write_misp
    begun = whole = False
    try:
        descriptor = os.open(options.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        begun = True
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            count = write(case, stream, options.tlp)
        whole = True
    except FileExistsError:
        raise Error(tr("{path} is there already; name a new file with -o", path=options.output)) from None
    except OSError as error:
        raise Error(f"{options.output}: {error.strerror}") from None
    finally:
        if begun and not whole:
            options.output.unlink(missing_ok=True)
    if options.json:
        print_document(exported_document(options.form, options.output, ()))
        return int(bool(case.history.damage))
    screens.out().line(
        tr(
            "{output}: {count} objects of {run}, TLP:{tlp}",
            output=options.output,
            count=count,
            run=case.history.run,
            tlp=options.tlp.upper(),
        )
    )
    return int(bool(case.history.damage))


@dataclass(frozen=True)
class ExportEventsOptions:
    """The options of `stopgap export events`."""

    run: str
    form: Form = "ocsf"


def export_events(options: ExportEventsOptions) -> int:
    """Print the events of a run for a SIEM, one JSON object a line."""
    from stopgap.orchestrator.cli.journals import open_journal_to_read
    from stopgap.orchestrator.exchange.events import events

    with open_journal_to_read() as journal:
        history = journal.history(journal.resolve(options.run))
    for event in events(history, options.form):
        print_line(event)
    return int(bool(history.damage))


def _tell(output: Path, playbook: dict[str, Any], losses: Sequence[Text]) -> None:
    screen = screens.out()
    actions = sum(step["type"] == "action" for step in playbook["workflow"].values())
    screen.line(
        tr(
            "{output}: {id}, {actions} actions. Nothing was contacted.",
            output=output,
            id=playbook["id"],
            actions=actions,
        )
    )
    for loss in losses:
        screen.line(tr("  lost: {loss}", loss=loss), "warn")


def write_new(path: Path, text: str) -> None:
    """Write a new file; a file that is there already is left alone. Raises Error."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Error(tr("{path} is there already; name a new file with -o", path=path)) from None
    except OSError as error:
        raise Error(f"{path}: {error.strerror}") from None

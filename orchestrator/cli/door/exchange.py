"""Commands of `stopgap export` and `stopgap import`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from stopgap.orchestrator.cli.door.call import Call, path_of


def export_cacao(args: Namespace) -> Call[Any]:
    """Read `stopgap export cacao`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.exchange import ExportCacaoOptions, export_cacao
    from stopgap.orchestrator.cli.run_options import sign_key

    return Call(
        export_cacao,
        ExportCacaoOptions(
            runbook=args.runbook,
            output=Path(args.output),
            plan=path_of(args.plan),
            inventories=tuple(args.inventory),
            reader=args.reader,
            sign_key=sign_key(args.sign_key),
            json=args.json,
        ),
    )


def export_stix(args: Namespace) -> Call[Any]:
    """Read `stopgap export stix`."""
    from stopgap.orchestrator.cli.exchange import ExportRunOptions, export_run

    return Call(export_run, ExportRunOptions(args.run, Path(args.output), "stix", args.tlp, args.json))


def export_misp(args: Namespace) -> Call[Any]:
    """Read `stopgap export misp`."""
    from stopgap.orchestrator.cli.exchange import ExportRunOptions, export_run

    return Call(export_run, ExportRunOptions(args.run, Path(args.output), "misp", args.tlp, args.json))


def export_alert(args: Namespace) -> Call[Any]:
    """Read `stopgap export iris` and `stopgap export thehive`."""
    from stopgap.orchestrator.cli.alerts import ExportAlertOptions, export_alert

    return Call(
        export_alert,
        ExportAlertOptions(
            run=args.run,
            system=args.system,
            to=args.to,
            token=args.token,
            ca=args.ca,
            customer=args.customer,
            tlp=args.tlp,
            dry_run=args.dry_run,
            json=args.json,
        ),
    )


def export_events(args: Namespace) -> Call[Any]:
    """Read `stopgap export events`."""
    from stopgap.orchestrator.cli.exchange import ExportEventsOptions, export_events

    return Call(export_events, ExportEventsOptions(args.run, args.format))


def import_cacao(args: Namespace) -> Call[Any]:
    """Read `stopgap import cacao`."""
    from stopgap.orchestrator.cli.exchange import ImportCacaoOptions, import_cacao

    options = ImportCacaoOptions(
        file=Path(args.file), output=Path(args.output), inventories=tuple(args.inventory), json=args.json
    )
    return Call(import_cacao, options)


def import_ansible(args: Namespace) -> Call[Any]:
    """Read `stopgap import ansible`."""
    from stopgap.orchestrator.cli.exchange import ImportAnsibleOptions, import_ansible

    options = ImportAnsibleOptions(
        file=Path(args.file),
        output=Path(args.output),
        files=path_of(args.files),
        opaque=args.opaque,
        json=args.json,
    )
    return Call(import_ansible, options)

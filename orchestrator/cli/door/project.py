"""Commands for what an operator writes and installs: inventories, tasks, schemas, completion."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from stopgap.orchestrator.cli.door.call import Call, path_of


def driver_check(args: Namespace) -> Call[Any]:
    """Read `stopgap driver-check`."""
    from stopgap.orchestrator.cli.driver_check import DriverCheckOptions, driver_check

    return Call(
        driver_check,
        DriverCheckOptions(
            program=tuple(args.program),
            addresses=tuple(args.address),
            guest=args.guest,
            allow=tuple(args.allow),
            env=tuple(args.env),
            timeout=args.timeout,
            yes=args.yes,
            json=args.json,
        ),
    )


def trust(args: Namespace) -> Call[Any]:
    """Read `stopgap trust`."""
    from stopgap.orchestrator.cli.trust import TrustOptions, trust

    return Call(trust, TrustOptions(files=tuple(args.file), yes=args.yes, json=args.json))


def tasks(args: Namespace) -> Call[Any]:
    """Read `stopgap tasks`."""
    from stopgap.orchestrator.cli.catalogue import TasksOptions, tasks

    return Call(tasks, TasksOptions(name=args.name, json=args.json))


def inventory(args: Namespace) -> Call[Any]:
    """Read `stopgap inventory`."""
    from stopgap.orchestrator.cli.inventory import InventoryOptions, inventory

    options = InventoryOptions(inventories=tuple(args.inventory), write=path_of(args.write), json=args.json)
    return Call(inventory, options)


def docs(args: Namespace) -> Call[Any]:
    """Read `stopgap docs`."""
    from stopgap.orchestrator.cli.docs import DocsOptions, docs

    return Call(docs, DocsOptions(page=args.page, json=args.json))


def completion(args: Namespace) -> Call[Any]:
    """Read `stopgap completion`."""
    from stopgap.orchestrator.cli.completion import CompletionOptions, completion

    return Call(completion, CompletionOptions(shell=args.shell, parser=args.parser))


def schema(args: Namespace) -> Call[Any]:
    """Read `stopgap schema`."""
    from stopgap.orchestrator.cli.catalogue import SchemaOptions, schema

    return Call(schema, SchemaOptions(what=args.what))


def init(args: Namespace) -> Call[Any]:
    """Read `stopgap init`."""
    from stopgap.orchestrator.cli.init import InitOptions, init

    return Call(init, InitOptions(folder=Path(args.folder), json=args.json))

"""Commands of `stopgap evidence`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from stopgap.orchestrator.cli.door.call import Call, path_of
from stopgap.orchestrator.text import tr


def evidence_ls(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence ls`."""
    from stopgap.orchestrator.cli.evidence import LsOptions, ls

    return Call(ls, LsOptions(what=args.what, item=args.item, json=args.json))


def evidence_cat(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence cat`."""
    from stopgap.orchestrator.cli.evidence import CatOptions, cat

    return Call(cat, CatOptions(what=args.what, item=args.item, member=args.member, raw=args.raw))


def evidence_grep(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence grep`."""
    from stopgap.orchestrator.cli.evidence import GrepOptions, grep

    return Call(
        grep,
        GrepOptions(
            what=args.what,
            pattern=args.pattern,
            ignore_case=args.ignore_case,
            fixed=args.fixed,
            json=args.json,
        ),
    )


def evidence_timeline(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence timeline`."""
    from stopgap.orchestrator.cli.evidence import TimelineOptions, timeline

    return Call(
        timeline,
        TimelineOptions(what=args.what, output=path_of(args.output), since=args.since, until=args.until),
    )


def evidence_findings(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence findings`."""
    from stopgap.orchestrator.cli.evidence_findings import FindingsOptions, findings

    return Call(
        findings,
        FindingsOptions(
            what=args.what,
            every=args.all,
            rules=path_of(args.rules),
            yara=path_of(args.yara),
            sigma=path_of(args.sigma),
            json=args.json,
            baseline=args.baseline,
            host=args.host,
            severity=args.severity,
            since=args.since,
        ),
    )


def evidence_wire(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence wire`."""
    from stopgap.orchestrator.cli.evidence_wire import WireOptions, wire

    return Call(wire, WireOptions(what=args.what, attacked=args.attacked, json=args.json))


def evidence_custody(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence custody`."""
    from stopgap.orchestrator.cli.custody import CustodyOptions, custody

    return Call(custody, CustodyOptions(what=args.what, json=args.json))


def evidence_export(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence export`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.evidence_export import ExportOptions, export
    from stopgap.orchestrator.cli.exchange import ExportRunOptions, export_run
    from stopgap.orchestrator.cli.run_options import sign_key
    from stopgap.orchestrator.errors import UsageError

    if args.format in {"stix", "misp"}:
        if args.target or args.age or args.tsa or args.to:
            raise UsageError(tr("-t, --age, --tsa and --to are for archives (--format tar)"))
        return Call(export_run, ExportRunOptions(args.what, Path(args.output), args.format, args.tlp, args.json))
    return Call(
        export,
        ExportOptions(
            what=args.what,
            target=args.target,
            output=path_of(args.output),
            to=args.to,
            inventories=tuple(args.inventory),
            recipients=tuple(args.age),
            tsa=args.tsa,
            sign_key=sign_key(args.sign_key),
            json=args.json,
        ),
    )


def evidence_decrypt(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence decrypt`."""
    from stopgap.orchestrator.cli.custody import DecryptOptions, decrypted

    return Call(
        decrypted,
        DecryptOptions(
            what=args.what,
            identity=Path(args.identity).expanduser(),
            output=Path(args.output),
            json=args.json,
        ),
    )


def evidence_store(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence store`."""
    from stopgap.orchestrator.cli.evidence_store import StoreOptions, store

    return Call(store, StoreOptions(what=args.what, json=args.json))


def evidence_fetch(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence fetch`."""
    from stopgap.orchestrator.cli.evidence_store import FetchOptions, fetch

    return Call(
        fetch,
        FetchOptions(what=args.what, source=args.source, inventories=tuple(args.inventory), json=args.json),
    )

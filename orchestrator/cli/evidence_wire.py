"""evidence wire: what a capture upstream shows of a host, and the addresses that were attacked from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.custody import opened
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.documents.evidence import wire_object
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.evidence.reader import CollectionReader, together
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.findings.table import Row

_SHOWN = 20
"""Rows of one part that are shown, without --json."""
_SECONDS = 300.0
"""For one part of one capture."""
_ATTACKED = "wire-victims"
_PARTS: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    _ATTACKED: (
        tr("attacked from it"),
        "{address}  {how}, {protocol} port {port} {service}: {count} tries, {answered} answered, {since} to {until}",
        {},
    ),
    "wire-beacons": (
        tr("in a rhythm"),
        "{address}  {protocol} port {port}: every {interval} s, up to {jitter} % off, {count} times, since {since}; "
        "in its own lists: {listed}",
        {},
    ),
    "wire-listeners": (
        tr("ports that answered"),
        "{local}  {protocol} port {port}: {peers} addresses, since {since}; in its own lists: {listed}",
        {},
    ),
    "wire-flows": (
        tr("whom it reached"),
        "{address}  {protocol} port {port}; in its own lists: {listed}",
        {"opened": "out"},
    ),
    "wire-domains": (
        tr("names that it asked for"),
        "{domain}  {questions} questions, {names} names, since {since}",
        {},
    ),
}
"""Table → heading, a row, and what a row has to have."""


@dataclass(frozen=True)
class WireOptions:
    """The options of `stopgap evidence wire`."""

    what: str
    attacked: bool = False
    """Only the addresses that were attacked, a line each, for a letter."""
    json: bool = False


def wire(options: WireOptions) -> int:
    """Show what the captures of a run show; 1 where one could not be read to its end."""
    from stopgap.orchestrator.findings.packets.reading import PACKETS

    captured = [each for each in together(list(opened(options.what, "wire"))) if each.item(PACKETS)]
    if not captured:
        raise UsageError(tr("{what} holds no capture; the task evidence.wire makes one", what=options.what))
    code = 0
    for collected in captured:
        if not options.json and not options.attacked:
            target, host = collected.manifest.target, collected.manifest.host
            screens.out().line(tr("{target}, as {host} saw it", target=target, host=host), "title")
        for table in [_ATTACKED] if options.attacked else _PARTS:
            code = max(code, _part(collected, table, options))
    return code


def _part(collected: CollectionReader, table: str, options: WireOptions) -> int:
    """Show one part; 1 where it could not be read to its end."""
    from stopgap.orchestrator.findings.reading import Reading

    heading, shows, wanted = _PARTS[table]
    rows: list[Mapping[str, Any]] = []
    with Reading(collected, _SECONDS) as reading:
        rows += _rows(reading.rows(table), wanted)
    if options.json:
        for row in rows:
            print_line(wire_object(collected, table, row))
    else:
        lines = list(dict.fromkeys(shows.format_map({n: str(v) for n, v in row.items()}) for row in rows))
        if lines and not options.attacked:
            screens.out().line(f"  {screens.said(heading)}")
        for line in lines if options.attacked else lines[:_SHOWN]:
            screens.write_line(line if options.attacked else f"    {line}")
        if len(lines) > _SHOWN and not options.attacked:
            screens.out().line(tr("    … {count} more; --json has all", count=len(lines) - _SHOWN), "quiet")
    for reason in filter(None, (reading.trouble, *reading.meter.left_out)):
        screens.err().line(f"{table}: {screens.said(reason)}", "warn")
    return int(bool(reading.trouble))


def _rows(rows: Iterator[Row], wanted: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        if all(row.fields[name] == value for name, value in wanted.items()):
            yield row.fields

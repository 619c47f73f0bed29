"""evidence wire: what a capture upstream shows of a host, and the addresses that were attacked from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.custody import opened
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.documents.evidence import wire_object
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.evidence.reader import CollectionReader, together
from stopgap.orchestrator.text import Text, tr

if TYPE_CHECKING:
    from stopgap.orchestrator.findings.table import Row

_SHOWN = 20
"""Rows of one part that are shown, without --json."""
_SECONDS = 300.0
"""For one part of one capture."""
_ATTACKED = "wire-victims"


@dataclass(frozen=True)
class _Part:
    """A table as it is shown."""

    heading: Text
    line: Callable[..., Text]
    """Makes a line of the fields of a row."""
    wanted: Mapping[str, object] = field(default_factory=dict)
    """Fields that a row has to have, by name."""


_PARTS: Mapping[str, _Part] = {
    _ATTACKED: _Part(
        tr("attacked from it"),
        lambda **row: tr(
            "{address}  {how}, {protocol} port {port} {service}: {count} tries, {answered} answered, "
            "{since} to {until}",
            **row,
        ),
    ),
    "wire-beacons": _Part(
        tr("in a rhythm"),
        lambda **row: tr(
            "{address}  {protocol} port {port}: every {interval} s, up to {jitter} % off, {count} times, "
            "since {since}; in its own lists: {listed}",
            **row,
        ),
    ),
    "wire-listeners": _Part(
        tr("ports that answered"),
        lambda **row: tr(
            "{local}  {protocol} port {port}: {peers} addresses, since {since}; in its own lists: {listed}", **row
        ),
    ),
    "wire-flows": _Part(
        tr("whom it reached"),
        lambda **row: tr("{address}  {protocol} port {port}; in its own lists: {listed}", **row),
        {"opened": "out"},
    ),
    "wire-domains": _Part(
        tr("names that it asked for"),
        lambda **row: tr("{domain}  {questions} questions, {names} names, since {since}", **row),
    ),
}


@dataclass(frozen=True)
class WireOptions:
    """The options of `stopgap evidence wire`."""

    what: str
    attacked: bool = False
    """Only the addresses that were attacked, a line each, for a letter."""
    json: bool = False


def wire(options: WireOptions) -> int:
    """Show the tables of a run's captures; return 1 if a capture could not be read to the end."""
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
    """Show one table of a capture; return 1 if the capture could not be read to the end."""
    from stopgap.orchestrator.findings.reading import Reading

    part = _PARTS[table]
    rows: list[Mapping[str, Any]] = []
    with Reading(collected, _SECONDS) as reading:
        rows += _rows(reading.rows(table), part.wanted)
    if options.json:
        for row in rows:
            print_line(wire_object(collected, table, row))
    else:
        lines = list(dict.fromkeys(screens.said(part.line(**row)) for row in rows))
        if lines and not options.attacked:
            screens.out().line(f"  {screens.said(part.heading)}")
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

"""Stopgap meets an evil host: as one exchange, or as a whole run from the command line."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.remote import Item, Limits, Unreachable, connect

ITEMS = [Item("true", deadline=0.2, cap=1000), Item("true", deadline=0.2, cap=1000)]
LOGIN = 4.0
"""Seconds for those scenarios to connect in which connecting is not what goes wrong."""


@dataclass(frozen=True)
class Met:
    """What Stopgap said."""

    said: str
    shown: str = ""
    """All of it, as it would stand on a terminal."""


def exchange(hosts: Mapping[str, Host], limits: Limits) -> Met:
    """Connect, and run two items."""
    try:
        session = connect(hosts["web"], hosts, limits)
    except Unreachable as failure:
        said = escape(f"unreachable ({failure.kind}): {failure.reason}")
        return Met(said, said)
    try:
        outputs = session.exchange(ITEMS)
    finally:
        session.close()
    said = ", ".join(_status(output) for output in outputs)
    said += escape(f": {session.trouble}") if session.trouble else ""
    said += "; cut" if any(output.truncated for output in outputs) else ""
    return Met(said, said + "".join(f"{output.stdout}{output.stderr}" for output in outputs))


def _status(output: Output) -> str:
    return "unknown" if output.status is None else str(output.status)


def whole_run(hosts: Mapping[str, Host], steps: list[dict[str, Any]], folder: Path) -> Met:
    """Run the steps with `stopgap run --yes`, show the run, write its report and verify it.

    State goes to `home` below the folder.
    """
    inventory, runbook = folder / "inventory.yaml", folder / "runbook.yaml"
    described = {
        name: host.model_dump(mode="json", exclude_defaults=True, exclude={"name"}) for name, host in hosts.items()
    }
    inventory.write_text(json.dumps({"hosts": described}))
    runbook.write_text(json.dumps({"name": "Meet an evil host", "steps": steps}))
    os.environ["STOPGAP_HOME"] = str(folder / "home")
    status, events, _ = _stopgap("run", str(runbook), "-i", str(inventory), "-t", "web", "--yes", "--json")
    shown = events
    for command in (["show", "last"], ["status"], ["verify", "last"], ["runs"]):
        _, out, err = _stopgap(*command)
        shown += out + err
    finished = [json.loads(line) for line in events.splitlines()]
    steps_ended = [event for event in finished if event["event"] == "step-finished"]
    said = "; ".join(f"{event['outcome']}{': ' if event['reason'] else ''}{event['reason']}" for event in steps_ended)
    return Met(f"exit {status}: {said}", shown)


def _stopgap(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(argv)
    return status, out.getvalue(), err.getvalue()


def limits_of(place: str, limits: Limits) -> Limits:
    """Give what the field allows, with time to connect where something else is to go wrong."""
    return limits if place in {"connect", "log in", "jump"} else replace(limits, connect=LOGIN)

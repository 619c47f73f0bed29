"""The recovery manual: the actions of a run as instructions for another person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, tzinfo
from pathlib import PurePath
from typing import Any, Literal

from stopgap.orchestrator.change import AnyChange
from stopgap.orchestrator.hosttext import escape_tree
from stopgap.orchestrator.japanese import flowing
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.commands import parameter_text, run_arguments
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.report.build import build
from stopgap.orchestrator.report.by_hand import do_by_hand, is_shell, undo_by_hand
from stopgap.orchestrator.report.excerpt import clipped, excerpt
from stopgap.orchestrator.report.model import Report
from stopgap.orchestrator.report.render import escape_markdown, fenced, renamed, standing_values, teller
from stopgap.orchestrator.secret import redact
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.template import render_file

PASTED = 64_000
"""Characters of one change that a person pastes into a shell."""
CALLED = 40
"""Lines of the list of people; a notice to customers may have gone to thousands."""


@dataclass(frozen=True)
class Input:
    """A parameter of the run: `about` is the runbook's description, `last` the value used."""

    name: str
    about: str
    last: str


@dataclass(frozen=True)
class Party:
    """A person notified, or asked for a decision; `name` is an address, a name or `user@machine`."""

    name: str
    about: str
    way: str


def manual(
    history: History,
    *,
    about: str = "",
    inputs: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    lang: Language = "en",
    format: Literal["html", "md"] = "html",  # noqa: A002
    zone: tzinfo = UTC,
) -> str:
    """Return the manual as text; `about` and `inputs` (parameter → description) come from the runbook, if readable.

    `names` as for `report`.
    """
    built = renamed(build(history), names or {})
    shown, left_out = excerpt(built)
    parties = tuple(_parties(built))
    values = standing_values(built, left_out, lang, zone)
    told = teller(lang, names or {})
    fields: dict[str, Any] = {
        "report": clipped(told(shown.model_dump())),
        "about": flowing((names or {}).get(about, about)),
        "inputs": clipped(told([asdict(each) for each in _inputs(history.started.params, inputs or {})])),
        "parties": clipped(told([asdict(each) for each in parties[:CALLED]])),
        "uncalled": max(0, len(parties) - CALLED),
        "hosts": clipped([_host(host) for host in history.started.hosts]),
    }
    fields = escape_tree(fields)
    if format == "md":
        fields = escape_markdown(fields) | {"fenced": fenced}
    fields |= {
        "commands": escape_tree(_commands(history)),
        "by_number": {change["number"]: change for change in fields["report"]["changes"]},
        "recovers": bool(history.containment),
        "by_hand": {number: _by_hand(change.change) for number, change in enumerate(history.changes, 1)},
    }
    return redact(render_file(f"report/manual.{format}", values | fields).lstrip())


def _inputs(params: Mapping[str, Any], about: Mapping[str, str]) -> Iterator[Input]:
    for name, value in params.items():
        if value is not None:
            yield Input(name, about.get(name, ""), parameter_text(value))


def _parties(report: Report) -> Iterator[Party]:
    """Yield the parties without duplicates: people with decisions first."""
    people = {report.operator: Party(report.operator, "", "")}
    for answer in report.answers:
        if "@" in answer.by:
            people.setdefault(answer.by, Party(answer.by, answer.question, ""))
    yield from people.values()
    yield from dict.fromkeys(Party(message.to, message.about, message.way) for message in report.messages)


def _by_hand(change: AnyChange) -> dict[str, Any]:
    """Return what a person types to make and to undo a change; empty where a person cannot paste that much."""
    do, undo = do_by_hand(change), undo_by_hand(change)
    return {
        "do": do if sum(map(len, do)) <= PASTED else (),
        "undo": undo if sum(map(len, undo)) <= PASTED else (),
        "shell": is_shell(change),
    }


def _host(host: Any) -> dict[str, str]:  # noqa: ANN401
    role = {"upstream": ", ".join(host.upstreams), "spare": host.spare or "", "jump": host.jump or ""}
    return {
        "name": host.name,
        "login": f"{host.user}@{host.address}" + (f":{host.port}" if host.port != 22 else ""),
        "driver": host.driver or host.cli or "",
        "identity": str(host.identity or ""),
    } | role


def _commands(history: History) -> dict[str, str]:
    started = history.started
    given = run_arguments(started)
    run = ["stopgap", "run", *given]
    targets = [word for target in started.targets for word in ("-t", target)]
    return {
        "check": join(["stopgap", "check", *given]),
        "look": join([*run, "--dry-run"]),
        "run": join(run),
        "runbook": PurePath(started.runbook_path).name,
        "recover": join(["stopgap", "run", "recover", "-i", started.inventory_path, *targets, "-p", "runs=RUN"]),
    }

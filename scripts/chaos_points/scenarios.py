"""What is run and broken: every shipped runbook, with what it is run on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos_points.process import ROOT

SHIPPED = ROOT / "runbooks"
INVENTORY = ("-i", str(ROOT / "inventories" / "lab.yaml"))
CONTACT = ("-p", "contact=noc@example.jp")
SBIN = ("-p", "paths=/usr/sbin")
FIRST = "FIRST-RUN"
"""Stands in a scenario's words for the id of the run that comes first."""
WORDS = ("-p", "en=We are at it.", "-p", "ja=対応中です。")
OWN = ("-p", "visitors=own")
EVIDENCE = {"volatile", "triage"}
INCIDENT, NOTE, PAPER = "chaos", "The provider has pulled the cable", "incident.html"
"""An incident's name, what is noted in it, and the file of its report, below the state folder."""


@dataclass(frozen=True)
class Scenario:
    """A runbook with what it is run on; a point is struck in `words`, after `first` has been run whole."""

    name: str
    words: tuple[str, ...]
    contains: bool = False
    first: tuple[str, ...] = ()
    names_processes: bool = False
    """It wants evidence that names processes of the hosts as they are now: see `runs.name_processes`."""
    sparse: int = 1
    """Every so many-th of its boundaries is struck at: what takes long is struck at less often."""
    papers: bool = False
    """It is no run: an incident is opened, noted in, reported on and closed."""

    def commands(self, home: Path) -> tuple[tuple[str, ...], ...]:
        """Give what is called, one after the other, for the papers of an incident; `words` run in it."""
        return (
            ("incident", "open", INCIDENT),
            ("run", *self.words, "--incident", INCIDENT, "--yes"),
            ("incident", "note", NOTE, "--incident", INCIDENT),
            ("report", "--incident", INCIDENT, "-o", str(home / PAPER)),
            ("incident", "close", "--incident", INCIDENT),
        )


def scenarios(folder: Path) -> dict[str, Scenario]:
    """The shipped runbooks; contain and unlock also without their evidence, which costs most of their time.

    The one that brings a host back waits for people and looks on for hours: what it changes is struck at alone.
    """
    web = (*INVENTORY, "-t", "web")
    brief = _without({*EVIDENCE, "provider-update"}, "contain", folder / "contain-brief.yaml")
    cut_off = _without({*EVIDENCE, "provider", "provider-update", "mail", "page"}, "contain", folder / "cut-off.yaml")
    back = _only({"web-first", "page", "mail", "narrow", "cut-off"}, "recover", folder / "recover-brief.yaml")
    block = ("-p", "addresses=203.0.113.30,2001:db8:113::30")
    made = (
        Scenario("contain-brief", (brief, *web, *CONTACT), contains=True),
        Scenario("provider-block", ("provider-block", *INVENTORY, "-t", "edge", *block), contains=True),
        Scenario("spare", ("spare", *web, *CONTACT)),
        Scenario("update-page", ("update-page", *web, *CONTACT, *WORDS, *OWN), first=("spare", *web, *CONTACT, *OWN)),
        Scenario("extend", ("extend", *web), contains=True, first=(cut_off, *web, *CONTACT)),
        Scenario("unlock-brief", (_at_once(folder / "unlock-brief.yaml"), *web, *SBIN)),
        Scenario("freeze", ("freeze", *web, "-p", f"evidence={folder}/evidence"), names_processes=True),
        Scenario("recover-brief", (back, *web, "-p", f"runs={FIRST}"), first=(brief, *web, *CONTACT), sparse=2),
        Scenario("collect-brief", collection(folder), sparse=4),
        Scenario("incident", (_look(folder / "look.yaml"), *INVENTORY, "-t", "neighbour"), papers=True),
        Scenario("contain", ("contain", *web, *CONTACT), contains=True, sparse=40),
        Scenario("collect", ("collect", *INVENTORY, "-t", "neighbour", "-p", "outside=1-1000"), sparse=20),
        Scenario("unlock", ("unlock", *web, *SBIN), sparse=40),
    )
    return {scenario.name: scenario for scenario in made}


def collection(folder: Path) -> tuple[str, ...]:
    """Give the words that collect what names processes."""
    return (_without({"outside", "triage"}, "collect", folder / "volatile.yaml"), *INVENTORY, "-t", "web")


def left_out(known: dict[str, Scenario]) -> list[str]:
    """Shipped runbooks that no scenario runs."""
    struck = {name.removesuffix("-brief") for name in known}
    return sorted(path.stem for path in SHIPPED.glob("*.yaml") if path.stem not in struck)


def _without(steps: set[str], name: str, path: Path) -> str:
    """Write a shipped runbook without some of its steps."""
    path.write_text("\n".join(_kept((SHIPPED / f"{name}.yaml").read_text().splitlines(), steps)) + "\n")
    return str(path)


def _only(steps: set[str], name: str, path: Path) -> str:
    """Write a shipped runbook with these steps alone: those that change something."""
    lines = (SHIPPED / f"{name}.yaml").read_text().splitlines()
    others = {line.split()[-1] for line in lines if line.startswith("  - id: ")} - steps
    path.write_text("\n".join(line for line in _kept(lines, others) if "    needs: " not in line) + "\n")
    return str(path)


def _at_once(path: Path) -> str:
    """Write the runbook that unlocks, without the evidence that comes before."""
    text = Path(_without(EVIDENCE, "unlock", path)).read_text()
    path.write_text(text.replace("    needs: [triage]\n", "") + "      without_evidence: true\n")
    return str(path)


def _look(path: Path) -> str:
    """Write a runbook that looks at one file and changes nothing."""
    step = {"task": "host.file", "with": {"path": "/stopgap-chaos", "absent": True}}
    path.write_text(json.dumps({"name": "Look at one file", "steps": [step]}))
    return str(path)


def _kept(lines: list[str], steps: set[str]) -> Iterator[str]:
    keep = True
    for line in lines:
        if line.startswith("  - id: "):
            keep = line.split()[-1] not in steps
        if keep:
            yield line

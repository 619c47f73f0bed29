"""A process run by a supervisor that starts it again: runit, daemontools, s6, supervisord."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.change import AnyChange, RunCommands, command, write_file
from stopgap.orchestrator.facts import SUPERVISES, FileFact, PlacedFact, PlacedProcess, TextsFact
from stopgap.orchestrator.text import tr
from stopgap.tasks.mta.host_facts import StopMtaFacts
from stopgap.tasks.mta.located import Located

_TOOLS = {
    "runsv": ("sv", "down", "up"),
    "supervise": ("svc", "-d", "-u"),
    "s6-supervise": ("s6-svc", "-d", "-u"),
}
"""Supervisor → its program for services, with the words that stop and start one."""
_DEPTH = 20
"""Most ancestors looked at."""
_RUNNING = re.compile(r"([^\s-]\S*)\s+(?:RUNNING|STARTING)\s+(?:pid (\d+))?", re.ASCII)
_SECTION = re.compile(r"^\[program:([^\]\s]+)\]([^\[]*)", re.MULTILINE)
_AUTOSTART = re.compile(r"^autostart\s*=.*$", re.MULTILINE)


@dataclass(frozen=True)
class Reviver:
    """One thing that would start a mail server again."""

    name: str
    changes: tuple[AnyChange, ...] = ()
    """Changes to hold the reviver; empty if a person has to."""


def supervisors(found: Sequence[Located], facts: StopMtaFacts) -> dict[int, Reviver]:
    """Return the supervisor's service of each process that has one, by PID."""
    services: dict[str, Reviver] = {}
    mine: dict[int, Reviver] = {}
    programs = programs_of_supervisord(facts)
    for process in (process for each in found for process in each.processes):
        for one in _line(process, facts.placed):
            if one.name in SUPERVISES and one.cwd.startswith("/"):
                mine[process.pid] = services.setdefault(one.cwd, service_directory(one.cwd, facts, one.name))
                break
            if name := programs.get(one.pid):
                mine[process.pid] = services.setdefault(name, program_of_supervisord(name, facts.texts))
                break
    return mine


def service_directory(folder: str, facts: StopMtaFacts, supervisor: str = "") -> Reviver:
    """Return a service directory, to be taken down; a file `down` keeps the service down after a restart.

    `supervisor`: the name of the process that keeps the service; empty if it is not known.
    """
    name = tr("the service directory {folder}", folder=folder)
    tools = [_TOOLS[supervisor]] if supervisor else _TOOLS.values()
    for tool, down, up in tools:
        if tool in facts.system.programs:
            change = RunCommands(
                about=tr("take down the service {folder}", folder=folder),
                do=(command("touch", f"{folder}/down"), command(tool, down, folder)),
                undo=(command("rm", "-f", f"{folder}/down"), command(tool, up, folder)),
            )
            return Reviver(name, (change,))
    return Reviver(name)


def programs_of_supervisord(facts: StopMtaFacts) -> dict[int, str]:
    """Return the names of supervisord's programs by PID."""
    lines = facts.supervisord.stdout.splitlines() if facts.supervisord else []
    found = [match for line in lines if (match := _RUNNING.match(line)) and match[2]]
    return {int(match[2][:10]): match[1] for match in found}


def program_of_supervisord(name: str, texts: TextsFact) -> Reviver:
    """Return a program of supervisord, to be stopped, and not to be started with supervisord."""
    program = name.partition(":")[2] or name
    written = [
        change
        for path, file in sorted(texts.files.items())
        if path.startswith("/etc/supervisor") and file.kind == "file"
        for section in _SECTION.finditer(file.text() or "")
        if section[1] == program and (change := write_file(path, _not_started(section, file), file, mode=file.mode))
    ]
    stop = RunCommands(
        about=tr("have supervisord stop {name}", name=name),
        do=(command("supervisorctl", "stop", name),),
        undo=(command("supervisorctl", "start", name),),
    )
    return Reviver(tr("supervisord's {name}", name=name), (*written[:1], stop))


def mentioned_programs(path: str, file: FileFact, mention: re.Pattern[str]) -> Iterator[str]:
    """Yield the programs of a configuration of supervisord with a mail server in the name or in the settings."""
    if path.startswith("/etc/supervisor"):
        for name, settings in _SECTION.findall(file.text() or ""):
            if mention.search(name) or mention.search(settings):
                yield name


def _line(process: PlacedProcess, facts: PlacedFact) -> Iterator[PlacedProcess]:
    """Yield the process, and its ancestors short of init."""
    one: PlacedProcess | None = process
    for _ in range(_DEPTH):
        if one is None or one.pid <= 1:
            return
        yield one
        one = facts.named(one.parent)


def _not_started(section: re.Match[str], file: FileFact) -> str:
    text, start, end = file.text() or "", *section.span(2)
    off = "autostart=false"
    body = _AUTOSTART.sub(off, section[2], count=1) if _AUTOSTART.search(section[2]) else f"\n{off}{section[2]}"
    return text[:start] + body + text[end:]

"""What starts a stopped mail server again, or runs its queue: cron, monit, supervisord, runit, units, panels.

An upgrade of a package starts no masked unit, and no init script that is off in the runlevel (invoke-rc.d(8)).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.change import AnyChange, RunCommands, command, write_file
from stopgap.orchestrator.facts import ABSENT, FileFact, UnitFact
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.host import initscripts, units
from stopgap.tasks.mta.host_facts import StopMtaFacts
from stopgap.tasks.mta.server import ROUTER_DROPS

_STARTS = re.compile(r"\b(?:start|restart|reload|status|pgrep|pidof|is-active|condrestart)\b|\s-(?:q|bd)\w*")
_COMMENT = "# stopgap: "
_SECTION = re.compile(r"^\[program:([^\]\s]+)\]([^\[]*)", re.MULTILINE)
_CPANEL = "/etc/chkserv.d/exim"
_DIRECTADMIN = "/usr/local/directadmin/data/admin/services.status"
_PLESK = "/usr/local/psa/var/modules/watchdog/monitrc"


@dataclass(frozen=True)
class Reviver:
    """One thing that would start a mail server again."""

    name: str
    changes: tuple[AnyChange, ...] = ()
    """Changes to hold the reviver; empty if a person has to."""


def revivers(words: Collection[str], held: Collection[str], facts: StopMtaFacts) -> list[Reviver]:
    """Return what would start a mail server again, each with the changes that hold it.

    `words` are the names of the mail servers here, and `held` the units that are stopped as mail servers.
    """
    if not words:
        return []
    mention = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, sorted(words)))})(?![\w-])")
    texts = {path: file for path, file in facts.texts.files.items() if mention.search(file.text() or "")}
    return [
        *_cron(texts, mention),
        *_monit(texts, facts),
        *_supervisord(texts, mention, facts),
        *_supervised(texts, facts),
        *_units(texts, mention, held, facts),
        *_panels(facts),
    ]


def hold(found: Sequence[Reviver]) -> Iterator[Planned]:
    """Yield the changes, a note with what was found, and a gap for what a person has to hold."""
    for each in found:
        yield from each.changes
    if named := [each.name for each in found if each.changes]:
        yield Note(text=tr("would start it again, and is held: {names}", names=joined(", ", named)))
    for each in found:
        if not each.changes:
            yield Gap(text=tr("may start the mail server again: {name}", name=each.name), at_best=ROUTER_DROPS)


def _cron(texts: dict[str, FileFact], mention: re.Pattern[str]) -> Iterator[Reviver]:
    for path, file in texts.items():
        if not re.match(r"/etc/cron|/var/spool/cron", path):
            continue
        lines = (file.text() or "").splitlines(keepends=True)
        mine = [line for line in lines if not line.startswith("#") and mention.search(line) and _STARTS.search(line)]
        if not mine:
            continue
        quiet = "".join(f"{_COMMENT}{line}" if line in mine else line for line in lines)
        change = write_file(path, quiet, file, mode=file.mode) if file.kind == "file" else None
        yield Reviver(tr("cron by {path}", path=path), (change,) if change else ())


def _monit(texts: dict[str, FileFact], facts: StopMtaFacts) -> Iterator[Reviver]:
    if not any(path.startswith(("/etc/monit", "/etc/monitrc")) for path in texts):
        return
    running = any(process.name == "monit" for process in facts.placed.processes)
    known = next((unit for unit in facts.units if unit.name == "monit.service" and units.is_known(unit)), None)
    script = next((script for script in facts.scripts if script.name == "monit" and script.exists), None)
    if known and (running or units.starts_by_itself(known)):
        yield Reviver("monit", tuple(_hold([known], "monit", facts)))
    elif script and facts.system.init == "sysvinit":
        moves = initscripts.hold(script, running=running, programs=facts.system.programs)
        yield Reviver(
            "monit",
            (RunCommands(about=tr("stop {name}", name="monit"), do=moves.do, undo=moves.undo),) if moves.do else (),
        )
    elif running:
        yield Reviver(tr("monit, started by hand"))


def _supervisord(texts: dict[str, FileFact], mention: re.Pattern[str], facts: StopMtaFacts) -> Iterator[Reviver]:
    if not any(process.name == "supervisord" for process in facts.placed.processes):
        return
    for path, file in texts.items():
        if not path.startswith("/etc/supervisor"):
            continue
        for name, settings in _SECTION.findall(file.text() or ""):
            if mention.search(name) or mention.search(settings):
                change = RunCommands(
                    about=tr("have supervisord stop {name}", name=name),
                    do=(command("supervisorctl", "stop", name),),
                    undo=(command("supervisorctl", "start", name),),
                )
                yield Reviver(tr("supervisord's {name}", name=name), (change,))


def _supervised(texts: dict[str, FileFact], facts: StopMtaFacts) -> Iterator[Reviver]:
    """Take down service directories of runit and daemontools; a file `down` keeps each down after a restart."""
    folders = [path.removesuffix("/run") for path in texts if path.endswith("/run")]
    for folder in folders:
        if f"{folder}/down" in facts.texts.files:
            continue
        if "sv" in facts.system.programs:
            down, up = command("sv", "down", folder), command("sv", "up", folder)
        elif "svc" in facts.system.programs:
            down, up = command("svc", "-d", folder), command("svc", "-u", folder)
        else:
            yield Reviver(tr("the service directory {folder}", folder=folder))
            continue
        change = RunCommands(
            about=tr("take down the service {folder}", folder=folder),
            do=(command("touch", f"{folder}/down"), down),
            undo=(command("rm", "-f", f"{folder}/down"), up),
        )
        yield Reviver(tr("the service directory {folder}", folder=folder), (change,))


def _units(
    texts: dict[str, FileFact], mention: re.Pattern[str], held: Collection[str], facts: StopMtaFacts
) -> Iterator[Reviver]:
    """Hold local units with a command that starts the server, and the timers of these units."""
    for path, file in texts.items():
        name = path.rpartition("/")[2]
        if not path.startswith("/etc/systemd/system/") or name in held:
            continue
        lines = [line for line in (file.text() or "").splitlines() if line.startswith("Exec")]
        if not any(mention.search(line) and _STARTS.search(line) for line in lines):
            continue
        mine = [unit for unit in facts.units if name in {unit.name, *unit.triggers} and units.is_known(unit)]
        if changes := tuple(_hold(mine, name, facts)):
            yield Reviver(name, changes)


def _panels(facts: StopMtaFacts) -> Iterator[Reviver]:
    files = facts.texts.files
    if _CPANEL in files and "whmapi1" in facts.system.programs:
        words = ("whmapi1", "configureservice", "service=exim")
        change = RunCommands(
            about=tr("have cPanel leave Exim stopped, and watch it no longer"),
            do=(command(*words, "enabled=0", "monitored=0"),),
            undo=(command(*words, "enabled=1", "monitored=1"),),
        )
        yield Reviver("cPanel's chkservd", (change,))
    status = files.get(_DIRECTADMIN, ABSENT)
    if re.search("^exim=ON$", text := status.text() or "", re.MULTILINE):
        change_of = write_file(_DIRECTADMIN, re.sub("(?m)^exim=ON$", "exim=OFF", text), status, mode=status.mode)
        yield Reviver("DirectAdmin", (change_of,) if change_of else ())
    if _PLESK in files:
        yield Reviver(tr("Plesk's watchdog: stop watching mail there, in Extensions, Watchdog"))


def _hold(mine: Sequence[UnitFact], name: str, facts: StopMtaFacts) -> Iterator[AnyChange]:
    moves = units.hold(mine, facts.drop_in_directories)
    if moves.do:
        state = ", ".join(units.describe(unit) for unit in mine)
        yield RunCommands(
            about=tr("keep {name} from starting the mail server: {state}", name=name, state=state),
            do=moves.do,
            undo=moves.undo,
            expects=moves.expects,
        )

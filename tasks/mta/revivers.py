"""What starts a stopped mail server again, or runs its queue: cron, monit, supervisord, runit, units, panels.

An upgrade of a package starts no masked unit, and no init script that is off in the runlevel (invoke-rc.d(8)).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from stopgap.orchestrator.change import AnyChange, PathChange, RunCommands, command, write_file
from stopgap.orchestrator.facts import ABSENT, FileFact, UnitFact
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.host import initscripts, units
from stopgap.tasks.mta.host_facts import StopMtaFacts
from stopgap.tasks.mta.server import ROUTER_DROPS
from stopgap.tasks.mta.servers import servers
from stopgap.tasks.mta.supervised import Reviver, mentioned_programs, program_of_supervisord, service_directory

_STARTS = re.compile(
    r"\b(?:start|restart|reload|status|pgrep|pidof|is-active|condrestart|cron-ms[pt]|runq|flush)\b"
    r"|(?<!grep)\s-(?:q|bd)\w*"
)
"""What starts a server where it does not run, or runs its queue."""
_SENDS = re.compile(r"\b(?:start|restart|cron-ms[pt]|runq|flush)\b|(?<!grep)\s-(?:q|bd)\w*")
_PERIODIC = re.compile(r"/etc/cron\.(?:hourly|daily|weekly|monthly)/")
_SCRIPT = re.compile(
    rf"{_PERIODIC.pattern}|/etc/(?:network/if-|ppp/ip|dhcp/dhclient-|resolvconf/|NetworkManager/|networkd-dispatcher/)"
)
_SKIP = "return 0 2>/dev/null || exit 0 # stopgap"
"""Ends a script, and a file that another script reads."""
_COMMENT = "# stopgap: "
_CPANEL = "/etc/chkserv.d/exim"
_DIRECTADMIN = "/usr/local/directadmin/data/admin/services.status"
_PLESK = "/usr/local/psa/var/modules/watchdog/monitrc"


def revivers(
    words: Collection[str], held: Collection[str], facts: StopMtaFacts, supervisors: Collection[Reviver] = ()
) -> list[Reviver]:
    """Return what would start a mail server again, each with the changes that hold it.

    `words` are the names of the mail servers here, `held` the units that are stopped as mail servers, and
    `supervisors` what runs processes of mail servers now, which comes first.
    """
    running = {each.name: each for each in supervisors}
    named = _mentioned(words, held, facts) if words else []
    last = {name.rpartition("/")[2] for name in running}
    return [*running.values(), *(each for each in named if each.name.rpartition("/")[2] not in last)]


def _mentioned(words: Collection[str], held: Collection[str], facts: StopMtaFacts) -> list[Reviver]:
    mention = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, sorted(words)))})(?![\w-])")
    texts = {path: file for path, file in facts.texts.files.items() if mention.search(file.text() or "")}
    return [
        *_cron(texts, mention),
        *_scripts(texts, mention),
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
        if not re.match(r"/etc/(?:ana)?cron|/var/spool/cron", path) or _PERIODIC.match(path):
            continue
        lines = (file.text() or "").splitlines(keepends=True)
        mine = [line for line in lines if not line.startswith("#") and mention.search(line) and _STARTS.search(line)]
        if not mine:
            continue
        quiet = "".join(f"{_COMMENT}{line}" if line in mine else line for line in lines)
        change = write_file(path, quiet, file, mode=file.mode) if file.kind == "file" else None
        yield Reviver(tr("cron by {path}", path=path), (change,) if change else ())


def _scripts(texts: dict[str, FileFact], mention: re.Pattern[str]) -> Iterator[Reviver]:
    """Hold scripts that cron runs by the day, and hooks of the network, by a first line that ends each."""
    silenced = {path for server in servers() for path in server.hooks}
    for path, file in texts.items():
        if path in silenced or not _SCRIPT.match(path) or file.kind != "file" or not file.content:
            continue
        first, *rest = (file.text() or "").splitlines(keepends=True)
        if any(_sends(line, mention) for line in rest) and not (rest and rest[0].startswith(_SKIP)):
            yield Reviver(path, _ended(path, file, first, "".join(rest)))


def _ended(path: str, file: FileFact, first: str, rest: str) -> tuple[PathChange, ...]:
    """Return the change that ends a shell's script at its beginning, and that takes another's execute bits."""
    shell = re.match(r"#!\s*\S*/(?:env\s+)?(?:ba|da|k|z|)sh\b|(?!#!)", first)
    text, mode = (f"{first}{_SKIP}\n{rest}", file.mode) if shell else (f"{first}{rest}", file.mode & ~0o111)
    change = write_file(path, text, file, mode=mode)
    return (change,) if change else ()


def _sends(line: str, mention: re.Pattern[str]) -> bool:
    """Return True for a line that starts a server, or runs its queue; what reloads a running server is left."""
    return not line.lstrip().startswith("#") and bool(mention.search(line) and _SENDS.search(line))


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
        for name in mentioned_programs(path, file, mention):
            yield program_of_supervisord(name, facts.texts)


def _supervised(texts: dict[str, FileFact], facts: StopMtaFacts) -> Iterator[Reviver]:
    """Take down service directories of runit and daemontools."""
    for folder in (path.removesuffix("/run") for path in texts if path.endswith("/run")):
        if f"{folder}/down" not in facts.texts.files:
            yield service_directory(folder, facts)


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
        if "@." not in name and all(unit.name != name for unit in mine):
            # systemd has not loaded it: nothing runs it now, and `systemctl start` would.
            held_by = tuple(each for each in facts.texts.files if each == f"{path}.d/{units.DROP_IN}")
            mine.append(
                UnitFact(name=name, load="loaded", active="inactive", enabled="", path=path, drop_ins=held_by)
            )
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

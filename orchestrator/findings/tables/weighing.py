"""The weight of a line of a mechanism: by origin, by what it leads to and where that lies, and by what it does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stopgap.orchestrator.findings.provenance.acts import gravity
from stopgap.orchestrator.findings.provenance.mechanisms import Mechanism, mechanisms_of
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.tables.origin import Origins

HOME = re.compile(r"^(/home/[^/]+|/root|/var/lib/[^/]+|/var/www)/")
"""Homes, of people and of services."""
_CRONTAB = re.compile(r"^/var/spool/cron/(?:crontabs/|tabs/)?([^/]+)$")
_CODE = re.compile(r"\.(?:so(?:\.[\d.]+)?|ko|jar|war|lua|js|mjs|py|pl|pm|php|rb|sh|vim|el|tcl|wasm|o)$")


@dataclass(frozen=True)
class Told:
    """A line of a file, with the programs that the line starts and the files that the line loads."""

    mechanism: Mechanism
    line: int | None
    text: str
    started: tuple[str, ...]
    weight: int
    acts: tuple[str, ...]
    stands: bool = False
    """The weight stands also where the program is a package's."""
    named: tuple[str, ...] = ()
    """Files that the line names, whatever it does with them."""


@dataclass(frozen=True)
class StartFile:
    """A file of a mechanism, and the lines of it that tell something."""

    archive: str
    name: str
    kind: str
    mode: int
    uid: int
    mtime: int
    offset: int
    origin: str
    told: tuple[Told, ...]


def base_of(mechanism: Mechanism, origin: str) -> int:
    """Return the weight of a file of a mechanism by itself: 0 to 2."""
    if mechanism.personal or origin != "no":
        return 0
    return 2 if mechanism.seldom else 1


def whence(origin: str) -> str:
    """Say where a file comes from."""
    return {
        "no": "of no package",
        "altered": "not as its package brought it",
        "made": "made when packages were installed",
    }.get(origin, "of unknown origin")


def weigh(file: StartFile, told: Told, origin: str, base: int, known: Origins) -> tuple[int, str, str, list[str]]:
    """Return the weight of a line, the program that gives it, that program's origin, and the reasons."""
    because = [whence(origin)]
    weight = 0 if told.named else max(base, told.weight)
    if told.weight >= 2 and not told.started:
        because.append("telling by itself")
    worst, program, program_origin = 0, "", ""
    for path in told.started:
        its, reason, its_origin = _of_program(path, _own(file.name, path), known)
        if its_origin == "absent" and told.mechanism.family == "login" and _own(file.name, path):
            its = min(its, 1)
        if told.mechanism.name == "git settings" and _in_work_tree(file.name, path):
            its = min(its, 1)
        owner = _of_another(file.name, told, path, known)
        if owner and its < _ROOT_STARTS_ANOTHERS:
            its, reason = _ROOT_STARTS_ANOTHERS, f"a program of user {owner}, which root starts"
        elif told.mechanism.name == "sudo" and not told.weight and not owner:
            its, weight = 0, 0
        if not program or its > worst:
            worst, program, program_origin = max(its, 0), path, its_origin
            if reason:
                because = [whence(origin), f"leads to {path}, {reason}"]
        if its < 0 and told.weight and len(told.started) == 1 and not told.stands:
            weight = base
    for path in told.named:
        its, reason, its_origin = _of_named(path, _own(file.name, path), known)
        if its > worst:
            worst, program, program_origin = its, path, its_origin
            because = [whence(origin), f"names {path}, {reason}"]
    if told.mechanism.name == "loader path":
        worst = _of_directory(program, file.name, known)
        because = [whence(origin), "puts a directory before the system's"] if worst else because
        weight = 1 if worst <= 1 and program else weight
    if told.mechanism.name == "alternative" and program_origin == "no" and worst < 2:
        worst = 2 if place_of(program) == "system" else 0
    if told.mechanism.name == "alternative" and program.startswith("/run/") and not _is_file(program, known):
        worst, because = 0, [whence(origin)]  # a socket of a service
    grave = gravity(told.acts)
    if "runs on behind" in told.acts and worst and told.mechanism.family in {"login", "event", "interpreter"}:
        worst += 1
    if grave:
        because.append("does: " + ", ".join(told.acts))
    if base == 2 and told.weight < 2 and worst <= 0 and told.mechanism.family == "login" and HOME.match(file.name):
        weight = min(weight, 1)  # people have start files of their own, and this one leads to nothing of note
    weight = max(weight, worst, grave if origin != "made" or grave > 2 else 0)
    if origin in {"altered", "made", "unknown"} and worst <= 0 and not grave and told.weight <= 1:
        weight = 0
    if file.mode & 0o002 and file.kind == "file":
        weight, because = max(weight, 3), [*because, "everyone may write it"]
    return min(weight, 4), program, program_origin, because


_ROOT_STARTS_ANOTHERS = 2
_ROOTS_CRONTAB = re.compile(
    r"^/var/spool/cron/(?:crontabs/|tabs/)?root$|^/etc/cron\.(?:hourly|daily|weekly|monthly)/"
)
_ROOTS_LINE = re.compile(r"^\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+root\s")
_AS_ANOTHER = re.compile(r"=\s*\((?!\s*(?:root|ALL)\b)|\b(?:su|sudo|runuser|setpriv|chpst|setuidgid)\s")


def _of_another(file: str, told: Told, path: str, known: Origins) -> int:
    """Return the owner of a program that root starts by cron(8), or that sudoers(5) lets somebody start as root.

    0 for root, and where the owner or who starts the program is not known.
    """
    started = told.mechanism.name == "sudo" or (
        told.mechanism.family == "scheduled"
        and (_ROOTS_CRONTAB.match(file) or (file.startswith("/etc/cron") and _ROOTS_LINE.match(told.text)))
    )
    if not started or _AS_ANOTHER.search(told.text):
        return 0
    entry = known.entry(known.resolve(path))
    return entry.uid if entry is not None and entry.mode.startswith("-") else 0


def _in_work_tree(file: str, program: str) -> bool:
    """Return True for a program of the repository whose settings name it, outside of `.git`."""
    tree, inside, _ = file.rpartition("/.git/config")
    return bool(inside) and program.startswith(f"{tree}/") and not program.startswith(f"{tree}/.git/")


def _own(file: str, program: str) -> bool:
    """Tell whether a file and a program belong to the same person."""
    crontab = _CRONTAB.match(file)
    if crontab is None:
        return bool(HOME.match(file))
    return program.startswith((f"/home/{crontab[1]}/", "/root/" if crontab[1] == "root" else f"/home/{crontab[1]}/"))


def _of_program(path: str, personal: bool, known: Origins) -> tuple[int, str, str]:
    """Return the weight of a program or library by origin and place; -1 for one that a package brought."""
    if path.endswith((".so.2", ".ko")) and "/" not in path:
        return 0, "", "unknown"
    origin = known.of(path)
    real = known.resolve(path)
    if origin == "yes":
        return -1, "", origin
    place, hidden = place_of(real), is_hidden(real)
    if place == "open":
        return 4, "where everyone may write", origin
    if hidden and personal and mechanisms_of(real):  # one start file that reads another, which is judged itself
        return 0, "", origin
    if hidden:
        return (2 if personal else 3), "in a hidden place", origin
    if origin == "no" and place == "system" and not _is_configuration(real):
        return 2, "of no package among the packages' own", origin
    if origin == "no" and place == "data":
        return 2, "among the data of services", origin
    if place == "web":
        return (1 if personal or "/wp-cron" in real else 2), "in a web site", origin
    if place == "home" and not personal and not real.startswith("/root/"):
        return 2, "in somebody's home", origin
    return 0, "", origin


def _of_named(path: str, personal: bool, known: Origins) -> tuple[int, str, str]:
    """Return the weight of a file named by a line: 0 for a file that no program runs or loads."""
    entry = known.entry(known.resolve(path))
    if entry is None or not entry.mode.startswith("-") or not ("x" in entry.mode or _CODE.search(entry.name)):
        return 0, "", ""
    return _of_program(path, personal, known)


def _is_file(path: str, known: Origins) -> bool:
    """Tell whether the body file has a regular file of that name, and no socket."""
    entry = known.entry(path)
    return entry is not None and entry.mode.startswith("-")


def _is_configuration(path: str) -> bool:
    """Return True for a path of /etc, /sys or /proc, where administrators write as packages do."""
    return path.startswith(("/etc/", "/sys/", "/proc/"))


def _of_directory(path: str, setting: str, known: Origins) -> int:
    """Return the weight of a directory of libraries; files of settings are read in the order of their names."""
    place = place_of(path)
    if not path or known.digests.knows(path) == "yes":
        return 0
    if place in {"open", "home", "data", "web"} or is_hidden(path):
        return 3
    if place == "local":
        return 2 if setting.rpartition("/")[2].startswith("0") else 1
    return 0 if re.match(r"^/usr/(local/)?lib(32|64|x32|exec)?(/|$)|^/lib(32|64|x32)?(/|$)", path) else 2

"""What starts, is loaded, or is allowed by itself, joined with where it comes from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader, lines_of, with_artifact
from stopgap.orchestrator.findings.pattern import search
from stopgap.orchestrator.findings.provenance.acts import acts_of, gravity
from stopgap.orchestrator.findings.provenance.commands import programs
from stopgap.orchestrator.findings.provenance.mechanisms import Directive, Mechanism, mechanisms_of
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.origin import Origin, Origins, canonical, origins
from stopgap.orchestrator.findings.tables.packages import Digests

ARCHIVES = (
    "configuration", "cron", "units", "start-files", "transient-units", "system-rules", "interpreter-start-files",
    "git-hooks", "boot-files", "cloud", "container-settings", "maintainer-scripts", "ssh", "trusted-hosts",
)  # fmt: skip
LARGEST = 512 << 10
"""Bytes of a file that are read for what it starts."""
MOST_LINES = 24
"""Telling lines of one file that are told."""
_COMMENT = ("#", ";", "//")
_HOME = re.compile(r"^(/home/[^/]+|/root|/var/lib/[^/]+|/var/www)/")
_CRONTAB = re.compile(r"^/var/spool/cron/(?:crontabs/|tabs/)?([^/]+)$")
_TILDE = re.compile(r"^(?:~|\$HOME|\$\{HOME\}|%h)(?=/)")
_SERVICES = frozenset(
    [
        "files",
        "db",
        "compat",
        "dns",
        "systemd",
        "myhostname",
        "mymachines",
        "resolve",
        "nis",
        "nisplus",
        "sss",
        "ldap",
        "winbind",
        "wins",
        "hesiod",
        "libvirt",
        "libvirt_guest",
        "altfiles",
        "extrausers",
        "mdns",
        "mdns4",
        "mdns6",
        "mdns_minimal",
        "mdns4_minimal",
        "mdns6_minimal",
    ]
)
_WORDS = {1: "low", 2: "medium", 3: "high", 4: "critical"}
_LIBRARY = "libnss_{}.so.2"


@dataclass(frozen=True)
class _Told:
    """A line of a file, and what it starts or loads."""

    mechanism: Mechanism
    line: int | None
    text: str
    started: tuple[str, ...]
    weight: int
    acts: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    archive: str
    name: str
    kind: str
    mode: int
    uid: int
    mtime: int
    offset: int
    origin: str
    told: tuple[_Told, ...]


_FIELDS = {
    "path": "the file",
    "mechanism": "by what it starts, loads or allows something: `cron`, `udev rule`, `PAM` …",
    "family": "`scheduled`, `service`, `boot`, `event`, `login`, `loader`, `authentication`, `interpreter`, "
    "`kernel`, `web`, `container`, `trust` or `logging`",
    "text": "the line, or what the file is",
    "starts": "the program or library that it leads to, seen through wrappers and links",
    "packaged": "the file: `yes`, `altered`, `no`, `made` while packages were installed, or `unknown`",
    "program": "what it leads to: `yes`, `no`, `absent`, or `unknown`; empty where it leads to nothing",
    "place": "where that lies: `system`, `local`, `home`, `web`, `data`, `open`",
    "hidden": "it lies in something hidden",
    "weight": "0 to 4, from mechanism, origin, place, and what it does",
    "because": "what speaks for that weight",
    "age": "days since the file's inode changed; -1 where unknown",
    "uid": "whose it is",
}


@table(
    "mechanisms",
    reads="configuration",
    also="cron units start-files transient-units system-rules interpreter-start-files git-hooks boot-files cloud "
    "container-settings maintainer-scripts ssh trusted-hosts package-digests bodyfile",
    fields=_FIELDS,
)
def mechanisms(collected: CollectionReader) -> Iterator[Row]:
    """What starts, is loaded or is allowed by itself, and is not as a package brought it."""
    return _of_archives(collected, ARCHIVES)


@table(
    "transient-mechanisms",
    reads="transient-units",
    also="package-digests bodyfile",
    unless="configuration",
    fields=_FIELDS,
)
def transient_mechanisms(collected: CollectionReader) -> Iterator[Row]:
    """The same of units that live in /run alone, where nothing else that starts was collected."""
    return _of_archives(collected, ("transient-units",))


def _of_archives(collected: CollectionReader, archives: Sequence[str]) -> Iterator[Row]:
    digests, now = Digests(collected), collected_at(collected)
    files = list(_files(collected, archives, digests))
    wanted = [file.name for file in files]
    wanted += [path for file in files for told in file.told for path in told.started]
    known = origins(collected, wanted, digests)
    for file in files:
        yield from _rows(file, known, now)


def _files(collected: CollectionReader, archives: Sequence[str], digests: Digests) -> Iterator[_File]:
    """Yield the files of mechanisms that are not as a package brought them, each once."""
    seen: set[int] = set()
    for archive in archives:
        for member in with_artifact(collected, archive).members(archive):
            found = mechanisms_of(member.name)
            key = hash(canonical(member.name))
            if not found or key in seen or member.kind not in {"file", "link"}:
                continue
            if not collected.meter.hold("files of mechanisms", member.name):
                return
            seen.add(key)
            origin, content = _origin(member, digests)
            if origin == "yes":
                continue
            told = tuple(_telling(member, found, content)) if member.kind == "file" else _link(member, found)
            if not all(collected.meter.hold("lines of mechanisms", each.text, *each.started) for each in told):
                return
            yield _File(
                archive, member.name, member.kind, member.mode, member.uid, member.mtime, member.offset, origin, told
            )  # fmt: skip


def _origin(member: Member, digests: Digests) -> tuple[str, bytes]:
    """Return whether a package brought the file as it is, and its content."""
    if member.kind != "file" or member.size > 8 << 20:
        return digests.knows(member.name), b""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    content = b""
    for chunk in member.chunks(8 << 20, holes=True):
        md5.update(chunk)
        sha256.update(chunk)
        content += chunk if len(content) < LARGEST else b""
    sums = (md5.hexdigest(), sha256.hexdigest())
    wanted = digests.digest(member.name)
    if wanted:
        return ("yes" if wanted in sums else "altered"), content
    if member.size > 16 and any(map(digests.brought, sums)):
        return "yes", content
    return digests.knows(member.name), content


def _link(member: Member, found: tuple[Mechanism, ...]) -> tuple[_Told, ...]:
    if member.target == "/dev/null" or found[0].name not in {"alternative", "systemd unit", "cron", "cron script"}:
        return ()
    if found[0].name == "systemd unit" and member.target.startswith(("/lib/", "/usr/lib/", "/etc/", "/run/", "..")):
        return ()
    return (_Told(found[0], None, f"-> {member.target}", (member.target,), 0, ()),)


def _telling(member: Member, found: tuple[Mechanism, ...], content: bytes) -> Iterator[_Told]:
    """Yield the lines of a file that start, load or allow something."""
    if content.startswith(b"\x7fELF"):
        yield _Told(found[0], None, "a program", (member.name,), 2, ())
        return
    lines = [
        (number, text) for number, text in lines_of([content]) if (t := text.strip()) and not t.startswith(_COMMENT)
    ]
    for mechanism in found:
        count = 0
        for number, text in _joined(lines):
            for told in _of_line(member, mechanism, number, text[:4096]):
                count += 1
                if count <= MOST_LINES:
                    yield told
                break


def _joined(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield lines, each with those that a backslash at its end joins to it; at most 4096 characters."""
    number, text = 0, ""
    for at, line in lines:
        number = number or at
        text += line[: max(0, 4096 - len(text))]
        if text.endswith("\\"):
            text = text[:-1] + " "
            continue
        yield number, text
        number, text = 0, ""
    if text:
        yield number, text


def _of_line(member: Member, mechanism: Mechanism, number: int, text: str) -> Iterator[_Told]:
    directives = mechanism.directives or (_WHOLE,)
    for directive in directives:
        groups = search(directive.pattern, text)
        if groups is None:
            continue
        started, code = _started(member, groups)
        acts = acts_of(groups.get("run") or groups.get("code") or text if not mechanism.directives else code)
        yield _Told(mechanism, number, text.strip(), started, directive.weight, acts)


_WHOLE = Directive(r"^(?P<run>.*)$")


def _started(member: Member, groups: dict[str, str | None]) -> tuple[tuple[str, ...], str]:
    run, load = groups.get("run"), groups.get("load")
    home = _HOME.match(member.name)
    found: list[str] = []
    if run is not None:
        found = [_TILDE.sub(home[1] if home else "/root", each) for each in programs(_TILDE.sub("~", run))]
    elif load is not None:
        found = [_TILDE.sub(home[1] if home else "/root", load)]
    elif services := groups.get("services"):
        words = services.replace("[", " [").replace("]", " ").split()
        found = [_LIBRARY.format(word) for word in words if word not in _SERVICES and word[:1] not in "[!"]
    elif module := groups.get("module"):
        found = [f"{module}.ko"]
    return tuple(each for each in found if each.startswith("/") or each.endswith((".so.2", ".ko"))), run or load or ""


def _rows(file: _File, known: Origins, now: float) -> Iterator[Row]:
    entry = known.entry(file.name)
    changed = entry.changed if entry else 0.0
    origin = file.origin
    found = mechanisms_of(file.name)
    # What a generator makes at each start is judged by what it starts; generators are judged themselves.
    if origin == "no" and (known.installed(changed) or file.name.startswith("/run/systemd/generator")):
        origin = "made"
    if found[0].name == "maintainer script":
        if origin != "no" or not known.minutes:
            return
        origin = "altered since"
    base = _base(found[0], origin)
    best: dict[str, tuple[int, _Told, str, Origin | str, list[str]]] = {}
    for told in file.told:
        weight, program, program_origin, because = _weigh(file, told, origin, _base(told.mechanism, origin), known)
        if weight <= 0:
            continue
        key = program or (told.text if told.weight or told.acts else "")
        if not key and not told.mechanism.seldom and told.mechanism.name.startswith("shell"):
            continue
        if key not in best or best[key][0] < weight:
            best[key] = (weight, told, program, program_origin, because)
    if origin == "altered since":
        text = max(best.values(), key=lambda each: each[0])[1].text if best else "a script of a package"
        first = _Told(found[0], None, text, (), 0, ())
        best = {"": (3, first, "", "", ["was changed after its package came"])}
    if not best and base and file.kind == "file" and not found[0].directives:
        best[""] = (base, _Told(found[0], None, "runs by itself", (), 0, ()), "", "", [_whence(origin)])
    for weight, told, program, program_origin, because in best.values():
        row: Fields = {"path": file.name, "mechanism": told.mechanism.name, "family": told.mechanism.family}
        row |= {"text": told.text, "starts": program, "packaged": origin, "program": program_origin}
        row |= {"place": place_of(program or file.name), "hidden": is_hidden(program or file.name)}
        row |= {"weight": weight, "because": ", ".join(because), "uid": file.uid}
        row |= {"age": round((now - changed) / 86400, 2) if changed else -1.0}
        place = Place(file.archive, told.line, file.name, None if told.line else file.offset)
        yield Row(row, place, changed or float(file.mtime))


def _base(mechanism: Mechanism, origin: str) -> int:
    if mechanism.personal or origin != "no":
        return 0
    return 2 if mechanism.seldom else 1


def _whence(origin: str) -> str:
    return {
        "no": "of no package",
        "altered": "not as its package brought it",
        "made": "made when packages were installed",
    }.get(origin, "of unknown origin")


def _weigh(file: _File, told: _Told, origin: str, base: int, known: Origins) -> tuple[int, str, str, list[str]]:
    """Return the weight of a line, the program that gives it, that program's origin, and the reasons."""
    because = [_whence(origin)]
    weight = max(base, told.weight)
    if told.weight >= 2 and not told.started:
        because.append("telling by itself")
    worst, program, program_origin = 0, "", ""
    for path in told.started:
        its, reason, its_origin = _of_program(path, _own(file.name, path), known)
        if not program or its > worst:
            worst, program, program_origin = max(its, 0), path, its_origin
            if reason:
                because = [_whence(origin), f"leads to {path}, {reason}"]
        if its < 0 and told.weight and len(told.started) == 1 and "pam_exec" not in told.text:
            weight = base
    if told.mechanism.name == "loader path":
        worst = _of_directory(program, known)
        because = [_whence(origin), "puts a directory before the system's"] if worst else because
    if told.mechanism.name == "alternative" and program_origin == "no" and worst < 2:
        worst = 2 if place_of(program) == "system" else 0
    grave = gravity(told.acts)
    if "runs on behind" in told.acts and worst and told.mechanism.family in {"login", "event", "interpreter"}:
        worst += 1
    if grave:
        because.append("does: " + ", ".join(told.acts))
    weight = max(weight, worst, grave if origin != "made" or grave > 2 else 0)
    if origin in {"altered", "made", "unknown"} and worst <= 0 and not grave and told.weight <= 1:
        weight = 0
    if file.mode & 0o002 and file.kind == "file":
        weight, because = max(weight, 3), [*because, "everyone may write it"]
    return min(weight, 4), program, program_origin, because


def _own(file: str, program: str) -> bool:
    """Tell whether a file and a program belong to the same person."""
    crontab = _CRONTAB.match(file)
    if crontab is None:
        return bool(_HOME.match(file))
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


def _is_configuration(path: str) -> bool:
    """Tell whether a path is one of /etc or /sys, which packages and administrators both write."""
    return path.startswith(("/etc/", "/sys/", "/proc/"))


def _of_directory(path: str, known: Origins) -> int:
    place = place_of(path)
    if not path or known.digests.knows(path) == "yes":
        return 0
    if place in {"open", "home", "data", "web"} or is_hidden(path):
        return 3
    return 0 if re.match(r"^/usr/(local/)?lib(32|64|x32|exec)?(/|$)|^/lib(32|64|x32)?(/|$)", path) else 2

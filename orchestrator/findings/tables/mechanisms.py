"""What starts, is loaded, or is allowed by itself, joined with where it comes from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader, lines_of, with_artifact
from stopgap.orchestrator.findings.pattern import search
from stopgap.orchestrator.findings.provenance.acts import acts_of
from stopgap.orchestrator.findings.provenance.commands import programs
from stopgap.orchestrator.findings.provenance.context import absolute, in_blocks, joined, starts_in
from stopgap.orchestrator.findings.provenance.mechanisms import (
    MASKED,
    PERSONAL,
    Directive,
    Mechanism,
    mechanisms_of,
)
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.provenance.settings import of_setting
from stopgap.orchestrator.findings.provenance.sudoers import with_aliases
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.origin import Origin, Origins, canonical, origins
from stopgap.orchestrator.findings.tables.packages import Digests, digests_of
from stopgap.orchestrator.findings.tables.weighing import HOME, StartFile, Told, base_of, weigh, whence

ARCHIVES = (
    "configuration", "cron", "units", "start-files", "transient-units", "system-rules", "interpreter-start-files",
    "git-hooks", "boot-files", "cloud", "container-settings", "maintainer-scripts", "ssh", "trusted-hosts",
)  # fmt: skip
LARGEST = 512 << 10
"""Bytes of a file that are read for what it starts."""
MOST_LINES = 400
"""Lines of one file that tell something; they are more than anybody fills by accident."""
_COMMENT = ("#", ";", "//")
_NO_COMMENT = re.compile(r"#(?:[0-9]|include)")
"""In sudoers(5) these begin with what elsewhere begins a comment: a user's number, and another file."""
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
_SETTINGS = ("/etc/", "/root/.", "/home/", "/var/spool/cron/", "/var/lib/postgresql/", "/var/lib/pgsql/")
"""Where settings lie that may name a program, by whatever word."""
_PATHS = re.compile(r"(?:^|[\s=\"'(|,:;@!\[])(/[^\s\"'`<>(){}|;,&$*?\[\]]{2,200})")
_GUARDS = re.compile(
    r"/systemd/system/(?:rsyslog|syslog(?:-ng)?|systemd-journald|auditd|audit-rules|fail2ban|crowdsec\S*|clamav-\w+|aide\S*|ossec\S*|wazuh\S*"
    r"|osqueryd|falco\S*|falcon-sensor|mdatp|psad|samhain|tripwire|rkhunter|logcheck|nftables|ufw|firewalld|apparmor)\.service$"
)
"""Units that write down or hold back what intruders do."""
_ROOT_SHELLS = re.compile(r"/(?:debug-shell|rescue|emergency)\.service$")
"""Units of systemd(1) that give whoever comes to the console a shell of root's, once they are enabled."""
_MOST_NAMES = 8
"""Of one line."""
_MOST_NAMED = 200
"""Of one file."""
_GRAVE = frozenset({"fetch and run", "shell to elsewhere", "decode"})
"""Acts that no setting has need of."""
_PATTERNS = re.compile(
    r"^/etc/(?:passwd|group|fail2ban/filter\.d/|modsecurity|suricata|snort|logcheck|falco|crowdsec|clamav|yara|apparmor\.d/|audit/)|_checks$"
)
"""Accounts, and settings that are patterns of what intruders do."""
_HOMES = re.compile(PERSONAL.paths)
_PROGRAM = b"\x7fELF"
"""The first bytes of a program or library (elf(5))."""
_LIBRARY = "libnss_{}.so.2"
_BY_ITSELF = {"trust": "is believed"}
"""What a file does without any line in it, by family, other than to run."""


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
    also="package-digests bodyfile maintainer-scripts",
    unless="configuration",
    fields=_FIELDS,
)
def transient_mechanisms(collected: CollectionReader) -> Iterator[Row]:
    """The same of units that live in /run alone, where nothing else that starts was collected."""
    return _of_archives(collected, ("transient-units",))


def _of_archives(collected: CollectionReader, archives: Sequence[str]) -> Iterator[Row]:
    digests, now = digests_of(collected), collected_at(collected)
    files = list(_files(collected, archives, digests))
    wanted = [file.name for file in files]
    wanted += [path for file in files for told in file.told for path in (*told.started, *told.named)]
    known = origins(collected, wanted, digests)
    for file in files:
        yield from _rows(file, known, now)


def _files(collected: CollectionReader, archives: Sequence[str], digests: Digests) -> Iterator[StartFile]:
    """Yield the files of mechanisms that are not as a package brought them, each once."""
    seen: set[int] = set()
    for archive in archives:
        for member in with_artifact(collected, archive).members(archive):
            found = _mechanisms(member.name)
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
            if not all(
                collected.meter.hold("lines of mechanisms", each.text, *each.started, *each.named) for each in told
            ):
                return
            yield StartFile(
                archive, member.name, member.kind, member.mode, member.uid, member.mtime, member.offset, origin, told
            )  # fmt: skip


def _mechanisms(path: str) -> tuple[Mechanism, ...]:
    """Return the mechanisms of a file; any file of settings in a home is one."""
    return mechanisms_of(path) or ((PERSONAL,) if _HOMES.match(path) else ())


def _origin(member: Member, digests: Digests) -> tuple[str, bytes]:
    """Return `yes` for an unaltered file of a package, `altered`, or `no`, and the content of the file."""
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
    # A program that a package brought elsewhere is here under another name.
    recognised = digests.known if content.startswith(_PROGRAM) else digests.brought
    if member.size > 16 and any(map(recognised, sums)):
        return "yes", content
    return digests.knows(member.name), content


def _link(member: Member, found: tuple[Mechanism, ...]) -> tuple[Told, ...]:
    if member.target == "/dev/null":
        guard = found[0].name == "systemd unit" and _GUARDS.search(member.name)
        return (Told(MASKED, None, "masked: it never starts", (), 2, ()),) if guard else ()
    if _ROOT_SHELLS.search(member.target) and "/systemd/" in member.name:
        return (Told(found[0], None, f"-> {member.target}: a shell of root's that asks for nothing", (), 3, ()),)
    if found[0].name == "access control":
        return (Told(found[0], None, f"-> {member.target}: this profile is not enforced", (), 1, ()),)
    if found[0].directives and found[0].name not in {"alternative", "systemd unit", "cron"}:
        return ()
    if found[0].name == "init script" or (found[0].personal and found[0].name != "alternative"):
        return ()
    if found[0].name == "systemd unit" and member.target.startswith(("/lib/", "/usr/lib/", "/etc/", "/run/", "..")):
        return ()
    return (Told(found[0], None, f"-> {member.target}", (member.target,), 0, ()),)


def _telling(member: Member, found: tuple[Mechanism, ...], content: bytes) -> Iterator[Told]:
    """Yield the lines of a file that start, load or allow something."""
    if content.startswith(_PROGRAM):
        yield Told(found[0], None, "a program", (member.name,), 2, ())
        return
    lines = [
        (number, text)
        for number, text in lines_of([content])
        if (t := text.strip()) and (not t.startswith(_COMMENT) or (found[0].name == "sudo" and _NO_COMMENT.match(t)))
    ]
    if found[0].name == "sudo":
        lines = list(with_aliases(lines))
    directory = starts_in(member.name, member.uid, lines)
    for mechanism in found:
        count, plain = 0, False
        with_context = in_blocks if mechanism.family == "web" else joined
        for number, text in with_context(lines):
            told = next(_of_line(member, mechanism, number, text[:4096], directory), None)
            if told is None:
                continue
            telling = bool(told.weight or told.started or told.acts)
            if (telling and count < MOST_LINES) or not (telling or plain):
                yield told
            count, plain = count + telling, plain or not telling
        if mechanism is found[0] and member.name.startswith(_SETTINGS):
            yield from _named(member, mechanism, lines)


def _named(member: Member, mechanism: Mechanism, lines: list[tuple[int, str]]) -> Iterator[Told]:
    """Yield lines that say what any file of settings may say, and those that name files; of each file the first."""
    seen: set[str] = set()
    count = 0
    patterns = _PATTERNS.search(member.name)
    for number, text in lines:
        for directive, path in of_setting(member.name, text[:4096]) if count < MOST_LINES else ():
            count += 1
            yield Told(mechanism, number, text.strip(), (path,) if path else (), directive.weight, ())
        acts = acts_of(text[:4096]) if mechanism.directives and count < MOST_LINES and not patterns else ()
        if _GRAVE.intersection(acts) and "\0" not in text:
            count += 1
            yield Told(mechanism, number, text.strip(), (), 0, acts)
        if "/" not in text:
            continue
        names = [found[1] for found in _PATHS.finditer(text[:1024])][:_MOST_NAMES]
        fresh = [name for name in names if name not in seen and not name.endswith("/")]
        if fresh and len(seen) < _MOST_NAMED:
            seen.update(fresh)
            yield Told(mechanism, number, text.strip(), (), 0, (), named=tuple(fresh))


def _of_line(member: Member, mechanism: Mechanism, number: int, text: str, directory: str) -> Iterator[Told]:
    directives = mechanism.directives or (_WHOLE,)
    for directive in directives:
        groups = search(directive.pattern, text)
        if groups is None:
            continue
        started, code = _started(member, groups, f"{directory}/.git" if _GIT_INCLUDES.match(text) else directory)
        acts = acts_of(groups.get("run") or groups.get("code") or text if not mechanism.directives else code)
        yield Told(mechanism, number, text.strip(), started, directive.weight, acts, directive.stands)


_GIT_INCLUDES = re.compile(r"(?i)^\s*path\s*=\s*\.")
"""git-config(1) looks for what is included beside the file itself."""
_WHOLE = Directive(r"^(?P<run>.*)$")


def _started(member: Member, groups: dict[str, str | None], directory: str) -> tuple[tuple[str, ...], str]:
    run, load = groups.get("run"), groups.get("load")
    home = HOME.match(member.name)
    found: list[str] = []
    if run is not None:
        found = [_TILDE.sub(home[1] if home else "/root", each) for each in programs(_TILDE.sub("~", run), directory)]
    elif load is not None:
        found = [absolute(_TILDE.sub(home[1] if home else "/root", load), directory)]
    elif services := groups.get("services"):
        words = services.replace("[", " [").replace("]", " ").split()
        found = [_LIBRARY.format(word) for word in words if word not in _SERVICES and word[:1] not in "[!"]
    elif module := groups.get("module"):
        found = [f"{module}.ko"]
    return tuple(each for each in found if each.startswith("/") or each.endswith((".so.2", ".ko"))), run or load or ""


def _rows(file: StartFile, known: Origins, now: float) -> Iterator[Row]:
    entry = known.entry(file.name)
    changed = entry.changed if entry else 0.0
    origin = file.origin
    found = _mechanisms(file.name)
    # What a generator makes at each start is judged by what it starts; generators are judged themselves.
    if found[0].name == "maintainer script":
        owner = file.name.rpartition("/")[2].rpartition(".")[0]
        if origin != "no" or not known.minutes or (owner in known.packages and known.at_work(changed)):
            return
        origin = "altered since" if owner in known.packages else "no"
    elif file.name.startswith("/run/systemd/generator") or (
        origin == "no" and known.made(file.name, changed, is_link=file.kind == "link")
    ):
        origin = "made"
    base = base_of(found[0], origin)
    best: dict[str, tuple[int, Told, str, Origin | str, list[str]]] = {}
    for told in file.told:
        weight, program, program_origin, because = weigh(file, told, origin, base_of(told.mechanism, origin), known)
        if weight <= 0:
            continue
        key = program or (told.text if told.weight or told.acts else "")
        if not key and not told.mechanism.seldom and told.mechanism.name.startswith("shell"):
            continue
        if key not in best or best[key][0] < weight:
            best[key] = (weight, told, program, program_origin, because)
    if origin == "altered since":
        text = max(best.values(), key=lambda each: each[0])[1].text if best else "a script of a package"
        first = Told(found[0], None, text, (), 0, ())
        best = {"": (3, first, "", "", ["was changed after its package came"])}
    if found[0].name == "maintainer script" and origin == "no":
        text = max(best.values(), key=lambda each: each[0])[1].text if best else "a script"
        best = {"": (3, Told(found[0], None, text, (), 0, ()), "", "", ["of no package that is installed"])}
    if not best and base and file.kind == "file" and (not found[0].directives or found[0].name == "package key"):
        best[""] = (
            base,
            Told(found[0], None, _BY_ITSELF.get(found[0].family, "runs by itself"), (), 0, ()),
            "",
            "",
            [whence(origin)],
        )
    for weight, told, program, program_origin, because in best.values():
        row: Fields = {"path": file.name, "mechanism": told.mechanism.name, "family": told.mechanism.family}
        row |= {"text": told.text, "starts": program, "packaged": origin, "program": program_origin}
        row |= {"place": place_of(program or file.name), "hidden": is_hidden(program or file.name)}
        row |= {"weight": weight, "because": ", ".join(because), "uid": file.uid}
        row |= {"age": round((now - changed) / 86400, 2) if changed else -1.0}
        place = Place(file.archive, told.line, file.name, None if told.line else file.offset)
        yield Row(row, place, changed or float(file.mtime))

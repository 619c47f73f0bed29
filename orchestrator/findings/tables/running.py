"""Running programs and scripts, and programs that the kernel would start, joined with their packages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from stopgap.orchestrator.evidence.reader import CollectionReader, with_artifact
from stopgap.orchestrator.findings.provenance.acts import acts_of
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.table import Fields, Row, Value, table
from stopgap.orchestrator.findings.tables.confinement import confined, contained, control_groups
from stopgap.orchestrator.findings.tables.detached import detached
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.kernel import hooks, settings
from stopgap.orchestrator.findings.tables.origin import Origins, origins
from stopgap.orchestrator.findings.tables.packages import digests_of
from stopgap.orchestrator.findings.tables.processes import processes
from stopgap.orchestrator.hostnumber import parse_int

_INTERPRETER = re.compile(
    r"/(?:python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|php[0-9.]*|node(?:js)?|lua[0-9.]*|tclsh[0-9.]*|(?:ba|da|z|k|a)?sh|busybox)$"
)
_GENERAL = re.compile(
    r"/(?:python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|php[0-9.]*|node(?:js)?|lua[0-9.]*|(?:ba|da|z|k|a)?sh|busybox|sleep|nc(?:\.\w+)?|ncat|socat|systemd-socket-activate|tcpserver|micro-inetd|cat|tail|env|unshare|nsenter|timeout)$"
)
_DAEMON = re.compile(
    r"^(?:\S*/)?(?:sshd|apache2|httpd|nginx|crond?|systemd(?:-\w+)*|dbus-daemon|rsyslogd|agetty|init|udevd|dhclient|auditd|rpcbind|postfix|master|qmgr|pickup|NetworkManager|polkitd|snapd|udisksd|bash|sh|ps|top)(?:[: ]|$)"
)
_KEEPS_ITS_NAME = re.compile(r"/(?:sleep|cat|tail|env|timeout|socat\d?|dd|tee|yes)$")
"""Programs that never call themselves anything else."""
_CAPTURES = re.compile(
    r"/(?:dhclient|dhcpcd|systemd-networkd|NetworkManager|wpa_supplicant|hostapd|lldpd|keepalived|arpwatch|tcpdump|dumpcap|suricata|snort|zeek|ntopng|arping|dnsmasq|kea-dhcp4|dhcpd|pppoe|radvd|frr/\w+|bird|avahi-daemon|fping|ping|mtr-packet|charon|pluto|openvpn|strongswan|chronyd|lldpad|udhcpc|nmbd|squid|pinger|ospfd|zebra|conntrackd|vrrpd|corosync|pacemakerd|systemd)$"
)
_CODE = frozenset({"-c", "-e", "-r", "-E"})
_LOADER = re.compile(r"/(?:ld-linux[\w-]*\.so\.\d+|ld-[\d.]+\.so|ld-musl-\w+\.so\.\d+|ld64?\.so\.\d+)$")
"""The dynamic loader runs a program that it is given as an argument (ld.so(8))."""
_LOGIN_SHELL = re.compile(r"^-(?:r?bash|sh|dash|zsh|k?sh|fish|t?csh)$")
_SHELL = re.compile(r"/(?:\w*sh(?:[\d.-]+)?|busybox|screen|tmux)$")
_FIELDS = {
    "pid": "the process",
    "name": "what it calls itself",
    "program": "the file that it runs",
    "script": "the script that an interpreter runs",
    "arguments": "its command line",
    "packaged": "a package brought the file, or the script: `yes`, `no`, `absent`, or `unknown`",
    "place": "where that lies",
    "hidden": "that lies in something hidden",
    "listens": "the ports that it listens on",
    "weight": "0 to 4",
    "because": "what speaks for that weight",
    "uid": "whose it is",
    "age": "days since the file's inode changed; -1 where unknown",
}


@table(
    "running",
    reads="package-digests bodyfile",
    also="sockets clock process-arguments process-relations process-environments process-code running-hashes",
    beside="processes process-links",
    fields=_FIELDS,
)
def running(collected: CollectionReader) -> Iterator[Row]:
    """Processes whose program or script no package brought, or that do what no program of a package does."""
    volatile = with_artifact(collected, "processes")
    groups = control_groups(volatile)
    inside = contained(groups)
    found = [row for row in processes(volatile) if not row.fields["kernel"] and row.fields["program"]]
    apart = confined(found, groups)
    scripts = {int(row.fields["pid"]): _script(row.fields) for row in found}
    wanted = [str(row.fields["program"]) for row in found] + [path for path, _ in scripts.values() if path]
    wanted += [str(row.fields["input"]) for row in found if _SHELL.search(str(row.fields["program"]))]
    units = {pid: _unit_files(groups.get(pid, "")) for pid in scripts}
    wanted += dict.fromkeys(path for paths in units.values() for path in paths)
    known, now = origins(collected, wanted, digests_of(collected)), collected_at(collected)
    by_pid = {int(row.fields["pid"]): row for row in found}
    mains = _first_programs(found, groups)
    silent, altered = _without_history(volatile), _altered(volatile, known)
    bare = _without_environment(volatile, [row.fields for row in found])
    for row in found:
        if row.fields["pid"] in inside or row.fields["memory"]:
            continue
        program, (script, whole) = str(row.fields["program"]), scripts[int(row.fields["pid"])]
        if not whole and known.entry(script) is None:
            script = ""
        subject = script or program
        spaces = apart.get(int(row.fields["pid"]), ())
        group = groups.get(int(row.fields["pid"]), "")
        pid = int(row.fields["pid"])
        titled = _is_titled(row, group, mains) and any(known.of(path) == "yes" for path in units[pid])
        weight, because = _weigh(row.fields, program, script, known, pid in silent, spaces, titled=titled)
        odd = list(_odd(row.fields, program, script, group, pid in bare and not titled))
        if not script and _reads_a_pipe(row.fields, program, known):
            odd.append((3, f"a shell that takes its commands from the named pipe {row.fields['input']}"))
        for its, reason in (*odd, *detached(row, script, group, known, by_pid)):
            weight, because = max(weight, its), [*because, reason]
        if program in altered and not row.fields["gone"]:
            weight, because = 4, [*because, "runs another content than its package brought"]
        if weight:
            entry = known.entry(subject)
            fields: Fields = {
                name: row.fields[name] for name in ("pid", "name", "program", "arguments", "listens", "uid")
            }
            fields |= {"script": script, "packaged": known.of(subject), "place": place_of(subject)}
            fields |= {"hidden": is_hidden(subject), "weight": weight, "because": ", ".join(because)}
            fields |= {"age": round((now - entry.changed) / 86400, 2) if entry else -1.0}
            yield Row(fields, row.place, row.time)


def _first_programs(found: Sequence[Row], groups: Mapping[int, str]) -> Mapping[str, str]:
    """Return the program of the oldest process of each control group."""
    oldest: dict[str, tuple[float, int, str]] = {}
    for row in found:
        pid = int(row.fields["pid"])
        if group := groups.get(pid, ""):
            mine = (row.time, pid, str(row.fields["program"]))
            oldest[group] = min(oldest.get(group, mine), mine)
    return {group: program for group, (_, _, program) in oldest.items()}


def _is_titled(row: Row, group: str, first_programs: Mapping[str, str]) -> bool:
    """Return True if a process may be the daemon of its unit under a title of its own (`$0` of perlvar(1)).

    The program is that of the unit's oldest process, and the command line is one word that begins with the unit's name.
    """
    title = str(row.fields["first"])
    named = title.partition(" ")[0].rstrip(":").rpartition("/")[2]
    unit = group.rpartition("/")[2].removesuffix(".service")
    return (
        first_programs.get(group) == row.fields["program"]
        and title == row.fields["arguments"]
        and bool(unit)
        and named.startswith(unit)
    )


def _unit_files(group: str) -> tuple[str, ...]:
    """Return the paths at which packages have the unit, or the init script, of a control group."""
    unit = group.rpartition("/")[2]
    name = unit.removesuffix(".service")
    return () if name == unit else (f"/usr/lib/systemd/system/{unit}", f"/etc/init.d/{name}")


def _weigh(
    process: Mapping[str, Value],
    program: str,
    script: str,
    known: Origins,
    silent: bool,
    spaces: tuple[str, ...],
    *,
    titled: bool,
) -> tuple[int, list[str]]:
    """Return the weight of a process, and the reasons for it.

    `titled`: the process is the daemon of a package's unit, and has written a title over its command line and environment,
    so that the script cannot be told.
    """
    subject = script or program
    origin, place, hidden = known.of(subject), place_of(subject), is_hidden(subject)
    foreign = origin in {"no", "absent"} and not process["gone"]
    weight, because = 0, []
    if foreign:
        weight = {"system": 3, "data": 3, "web": 2, "home": 1, "local": 0, "open": 3}.get(place, 0)
        if place == "system" and subject.startswith("/etc/"):
            weight = 2
        weight = max(weight, 2 if place == "home" else 3) if hidden else weight
        because = [f"of no package{', hidden' if hidden else ''}"] if weight else []
    if script and origin == "absent" and process["sockets"]:
        weight, because = max(weight, 2), ["a script whose file is gone"]
    general = bool(_GENERAL.search(program)) and not script
    if process["packet"] and not _CAPTURES.search(program):
        weight, because = max(weight, 3 if foreign or general or script else 2), [*because, "holds a packet socket"]
    if process["raw"] and not _CAPTURES.search(program):
        weight, because = (
            max(weight, 3 if foreign else 2 if general or script else 1),
            [*because, "holds a raw socket"],
        )
    if process["listens"] and ((general and not titled) or (foreign and (hidden or place not in {"local", "home"}))):
        weight, because = max(weight, 2), [*because, f"listens on {process['listens']}"]
    if process["remote"] and _INTERPRETER.search(program):
        weight, because = max(weight, 4), [*because, "a shell or interpreter whose input and output are a connection"]
    own = [kind for kind in spaces if kind != "root"]
    if own and (foreign or general):
        weight, because = max(weight, 2), [*because, f"lives in namespaces of its own: {', '.join(own)}"]
    if "root" in spaces and (foreign or general):
        weight, because = max(weight, 2), [*because, f"takes {process['root']} for the root directory"]
    first = str(process["first"])
    if _claims_another(first, program, foreign):
        weight, because = max(weight, 3), [*because, f"calls itself {first}"]
    if process["nameless"]:
        weight, because = max(weight, 2), [*because, "calls itself by no name"]
    if silent and (foreign or general):
        weight, because = max(weight, 2), [*because, "was started where no history is kept"]
    grave = [act for act in acts_of(str(process["arguments"])) if act in _TOLD]
    if grave and (general or foreign):
        weight, because = max(weight, 3), [*because, f"does: {', '.join(grave)}"]
    return weight, because


def _odd(
    process: Mapping[str, Value], program: str, script: str, group: str, bare: bool
) -> Iterator[tuple[int, str]]:
    """Yield what is odd about how a process was started, each with its weight."""
    general = bool(_GENERAL.search(program)) and not script
    folder = str(process["folder"])
    if is_hidden(folder) and place_of(folder) in {"system", "data", "open", "local"} and not _KEPT.search(folder):
        yield (3 if place_of(folder) != "local" else 2) if general else 2, f"stands in {folder}"
    if _DISGUISED.search(program):
        yield 3, "a program that is named as something else"
    if bare and general:
        yield 2, "was started without any environment"
    if _OTHER_SSHD.search(f"{program} {process['arguments']}"):
        yield 3, "a server of logins with settings of its own"
    if _names_no_code(process, program) and not group.endswith((".service", ".socket")):
        yield 3, "an interpreter that calls itself something else, of no unit"


def _reads_a_pipe(process: Mapping[str, Value], program: str, known: Origins) -> bool:
    """Return True for a shell without a script or a command, whose standard input is a named pipe."""
    if not _SHELL.search(program) or not _WITHOUT_SCRIPT.match(str(process["arguments"])):
        return False
    entry = known.entry(str(process["input"]))
    return entry is not None and entry.mode.startswith("p")


_WITHOUT_SCRIPT = re.compile(r"^\S+(?: -[isl]+)*$")


_KEPT = re.compile(r"/\.(?:git|svn|hg|venv|cache|npm|config|local|snapshots?|build-id|well-known)(?:/|$)")
"""Hidden directories that programs make for themselves."""
_DISGUISED = re.compile(
    r"(?i)\.(?:jpe?g|png|gif|ico|bmp|webp|svg|pdf|txt|log|md|csv|html?|css|conf|cfg|ini|dat|tmp|bak|gz|zip|mp[34]|docx?|xlsx?|ttf|woff2?)$"
)


_OTHER_SSHD = re.compile(
    r"^\S*/sshd .*\s(?:-[a-zA-Z]*f\s*/(?!etc/ssh/)|-o\s*[\"']?(?:AuthorizedKeys(?:File|Command)|TrustedUserCAKeys|PermitEmptyPasswords[= ]yes|PermitRootLogin[= ]yes)\b)"
)
"""sshd(8) that is told on its command line where its settings lie, or who may log in."""


def _names_no_code(process: Mapping[str, Value], program: str) -> bool:
    """Tell whether the command line of an interpreter names neither the interpreter nor any file."""
    words = str(process["arguments"]).split(" ")
    first = words[0].rpartition("/")[2].lstrip("-")
    if (
        not words[0]
        or not _LANGUAGE.search(program)
        or first.rstrip(":").startswith(("perl", "python", "ruby", "php"))
    ):
        return False
    return not any(word.startswith(("/", "-")) for word in words)


_LANGUAGE = re.compile(r"/(?:python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|php[0-9.]*)$")


def _without_environment(collected: CollectionReader, found: Sequence[Mapping[str, Value]]) -> frozenset[int]:
    """Return the processes without any environment variable; no process if environments were not collected.

    The environment of an ended process is empty as well: only processes with memory maps, read afterwards, count.
    """
    with_one = _processes(collected, "process-environments", _ENVIRONMENT)
    there = _processes(collected, "process-code", _MAPS)
    if 1 not in with_one:  # not root's collection, in which nearly all are withheld
        return frozenset()
    return frozenset(pid for each in found if (pid := int(each["pid"])) in there and pid not in with_one)


def _processes(collected: CollectionReader, item: str, line: re.Pattern[str]) -> frozenset[int]:
    """Return the processes of which an item has such a line."""
    found: set[int] = set()
    for _, text in collected.lines(item):
        match = line.match(text)
        if match and (pid := parse_int(match[1], 9)) and (pid in found or collected.meter.hold("pids")):
            found.add(pid)
    return frozenset(found)


_MAPS = re.compile(r"/proc/([0-9]{1,9})/maps:")
_ENVIRONMENT = re.compile(r"/proc/([0-9]{1,9})/environ:\w")
_TOLD = frozenset({"fetch and run", "shell to elsewhere", "decode", "miner"})


def _claims_another(first: str, program: str, foreign: bool) -> bool:
    """Tell whether a process calls itself by the name of a service whose program it does not run."""
    if first.startswith("[") and first.endswith("]"):
        return True
    if _LOGIN_SHELL.match(first):
        return not _SHELL.search(program)
    claimed = first.split(":", maxsplit=1)[0].split(" ", maxsplit=1)[0].rpartition("/")[2].lstrip("-")
    own = program.rpartition("/")[2]
    if not claimed or own.startswith(claimed) or claimed.startswith(own[:15]):
        return False
    if _KEEPS_ITS_NAME.search(program):
        return True
    return (
        bool(_DAEMON.match(first))
        and (
            foreign
            or bool(_INTERPRETER.search(program) and "python" not in own[:6] and " " not in first and "/" in first)
        )
        and not first.endswith(("sh", ".py"))
    )


def _script(process: Mapping[str, Value]) -> tuple[str, bool]:
    """Return the path of the script that an interpreter was given, or of the program that the loader was; empty for none.

    The second value is false for a name that was put behind the directory in which the process stands.
    """
    loader = _LOADER.search(str(process["program"]))
    if not loader and not _INTERPRETER.search(str(process["program"])):
        return "", True
    for word in str(process["arguments"]).split(" ")[1:8]:
        if word.startswith("/"):
            return word, True
        if word.startswith("-") and (loader or word not in _CODE):
            continue
        folder = str(process["folder"])
        if not word or word.startswith("-") or not folder.startswith("/"):
            break
        return posixpath.normpath(f"{folder}/{word}"), False
    return "", True


def _without_history(collected: CollectionReader) -> frozenset[int]:
    """Return the processes whose environment keeps shells from writing a history."""
    found = set()
    for _, text in collected.lines("process-environments"):
        match = re.match(r"/proc/([0-9]{1,9})/environ:(?:HISTFILE=(?:/dev/null)?|HISTSIZE=0)$", text)
        if match and (pid := parse_int(match[1], 9)) and collected.meter.hold("pids"):
            found.add(pid)
    return frozenset(found)


_HASHED = re.compile(r"/proc/([0-9]{1,9})/exe:([0-9a-f]{32}) ([0-9a-f]{64}) (/.*)", re.DOTALL)


def _altered(collected: CollectionReader, known: Origins) -> frozenset[str]:
    """Return the programs that run with another content than their package recorded."""
    found = set()
    for _, text in collected.lines("running-hashes"):
        if (match := _HASHED.fullmatch(text)) and not match[4].endswith(" (deleted)"):
            wanted = known.digests.digest(match[4])
            if wanted and wanted not in match.groups() and collected.meter.hold("programs", match[4]):
                found.add(match[4])
    return frozenset(found)


@table(
    "kernel-programs",
    reads="package-digests bodyfile",
    beside="kernel-settings kernel-hooks",
    fields={
        "what": "what makes the kernel run it",
        "program": "the program",
        "packaged": "`no` or `absent`",
        "text": "the setting",
    },
)
def kernel_programs(collected: CollectionReader) -> Iterator[Row]:
    """Programs that the kernel would run by itself, and that no package brought."""
    found: list[tuple[str, str, str, Row]] = []
    for row in settings(with_artifact(collected, "kernel-settings")):
        value = str(row.fields["value"])
        if row.fields["name"] == "kernel/core_pattern" and value.startswith("|"):
            found.append(("a crash", value[1:].split(maxsplit=1)[0] if value[1:].split() else "", value, row))
    for row in hooks(with_artifact(collected, "kernel-hooks")):
        text = str(row.fields["text"])
        if "binfmt_misc" in str(row.fields["source"]) and text.startswith("interpreter "):
            found.append(("a kind of program", text.split()[1], text, row))
    known = origins(collected, [program for _, program, _, _ in found], digests_of(collected))
    for what, program, text, row in found[:1000]:
        if program.startswith("/") and (origin := known.of(program)) in {"no", "absent"}:
            yield Row({"what": what, "program": program, "packaged": origin, "text": text}, row.place, row.time)

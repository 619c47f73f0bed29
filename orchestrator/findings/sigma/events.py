"""Mapping of Sigma log sources to tables, with field names of Sigma's taxonomy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Place, Row, tables
from stopgap.orchestrator.findings.tables.sessions import account_names

LONGEST = 8192
"""Characters of a field, and of an event's text, that rules see."""
_PROGRAM = re.compile(r"(?:\d{4}-\S+|\w{3} [ \d]\d [\d:]{8}) \S+ \(?([\w./-]{1,64})\)?(?:\[\d+\])?: ?(.*)", re.DOTALL)
_SUDO = re.compile(r"(?:^|[:;] )(TTY|PWD|USER|GROUP|ENV|COMMAND)=(.*?)(?= ; [A-Z]+=|$)", re.DOTALL)
_AUDIT = re.compile(r"""(\w{1,40})=(?:"([^"]*)"|'([^']*)'|(\S+))""")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_CODED = re.compile(r"a\d+|exe|cmd|proctitle|name|comm|cwd|key|path|data")
"""Fields that auditd writes in hexadecimal where they hold a blank or worse."""


@dataclass(frozen=True)
class Event:
    """A table row as event for Sigma rules."""

    fields: Mapping[str, str]
    """By their names in small letters."""
    text: str
    """All of it, where keywords are looked for."""
    place: Place
    time: float
    """By the host's clock, in seconds since the epoch; 0 where it is not known."""

    @cached_property
    def lower(self) -> Mapping[str, str]:
        """The fields' values in small letters."""
        return {name: value.lower() for name, value in self.fields.items()}

    @cached_property
    def lower_text(self) -> str:
        """The text in small letters."""
        return self.text.lower()


@dataclass(frozen=True)
class Stream:
    """The events of a log source."""

    tables: tuple[str, ...]
    fields: frozenset[str] | None
    """Names of its fields, in small letters; None: whatever the log itself names."""
    read: Callable[[CollectionReader, Iterator[Row]], Iterator[Event]]
    """Makes events of a table's rows."""
    programs: frozenset[str] = frozenset()
    """Programs whose lines are meant; empty for all."""

    @property
    def about(self) -> str:
        """Return the names of the tables."""
        return " and ".join(self.tables)

    def reads(self) -> tuple[str, ...]:
        """Return the artifacts required for events."""
        return tuple(dict.fromkeys(artifact for name in self.tables for artifact in tables()[name].reads))

    def events(self, collected: CollectionReader) -> Iterator[Event]:
        """Give the events of a collection."""
        for name in self.tables:
            for event in self.read(collected, tables()[name].read(collected)):
                if not self.programs or event.fields["program"].rpartition("/")[2].lower() in self.programs:
                    yield event


def stream_of(category: str, product: str, service: str) -> Stream | None:
    """Return the events of a log source; None if no collected artifact fits."""
    if category == "webserver" or (not category and product in {"apache", "nginx"} and service in {"", "access"}):
        return _WEB
    if product != "linux":
        return None
    if category:
        return _CATEGORIES.get(category)
    if service in _PROGRAMS:
        return Stream(("log-lines",), _LINE, _lines, _PROGRAMS[service])
    return _SERVICES.get(service)


def _event(row: Row, text: str, fields: Mapping[str, object]) -> Event:
    # A lone surrogate stands for a non-UTF-8 byte (PEP 383); no pattern matches a surrogate.
    held = {name.lower(): _plain(str(value)) for name, value in fields.items()}
    return Event(held, _plain(text), row.place, row.time)


def _plain(text: str) -> str:
    return text[:LONGEST].encode("utf-8", "replace").decode()


def _lines(_collected: CollectionReader, rows: Iterator[Row]) -> Iterator[Event]:
    for row in rows:
        text = str(row.fields["text"])
        found = _PROGRAM.match(text)
        program, message = (found[1], found[2]) if found else ("", text)
        fields = dict(_SUDO.findall(message)) if program.endswith("sudo") else {}
        yield _event(row, text, fields | {"program": program, "message": message})


def _audit(_collected: CollectionReader, rows: Iterator[Row]) -> Iterator[Event]:
    for row in rows:
        text = str(row.fields["text"])
        fields: dict[str, str] = {}
        for name, quoted, inner, plain in _AUDIT.findall(text):
            coded = plain and len(plain) > 1 and _CODED.fullmatch(name) and _HEX.fullmatch(plain)
            value = bytes.fromhex(plain).replace(b"\0", b" ").decode("utf-8", "replace") if coded else plain
            fields.setdefault(name, quoted or inner or value)
        yield _event(row, text, fields)


def _processes(collected: CollectionReader, rows: Iterator[Row]) -> Iterator[Event]:
    known = {int(row.fields["pid"]): row for row in rows}
    names = {0: "root"}
    for one in (collected, *collected.beside):
        names = account_names(one) | names
    for row in known.values():
        of = row.fields
        fields = {
            "Image": of["program"],
            "OriginalFileName": of["name"],
            "CommandLine": of["arguments"],
            "CurrentDirectory": of["folder"],
            "ProcessId": of["pid"],
            "ParentProcessId": of["parent"],
            "User": names.get(int(of["uid"]), str(of["uid"])),
        }
        parent = known.get(int(of["parent"]))
        fields |= (
            {"ParentImage": parent.fields["program"], "ParentCommandLine": parent.fields["arguments"]}
            if parent
            else {}
        )
        yield _event(row, f"{of['pid']} {of['name']}: {of['program']} {of['arguments']}", fields)


def _requests(_collected: CollectionReader, rows: Iterator[Row]) -> Iterator[Event]:
    for row in rows:
        of = row.fields
        path, asked = str(of["path"]), str(of["asked"])
        fields: dict[str, object] = {
            "cs-method": of["method"],
            "sc-status": of["status"],
            "c-ip": of["address"],
            "src_ip": of["address"],
            "cs-user-agent": of["agent"],
            "c-useragent": of["agent"],
            "cs-referer": of["referer"],
            "c-referer": of["referer"],
        }
        # As requested and as resolved: rules may match either form.
        both = [path] if path == asked else [path, asked]
        fields |= {"cs-uri": " ".join(both), "c-uri": " ".join(both)}
        for stem, query in (("cs-uri-stem", "cs-uri-query"), ("c-uri-stem", "c-uri-query")):
            fields[stem] = path.partition("?")[0]
            fields[query] = " ".join(one.partition("?")[2] for one in both)
        text = f"{of['address']} {of['method']} {path} {of['status']} {of['agent']} {of['referer']}"
        yield _event(row, text if path == asked else f"{text} {asked}", fields)


def _changed(_collected: CollectionReader, rows: Iterator[Row]) -> Iterator[Event]:
    for row in rows:
        yield _event(row, str(row.fields["path"]), {"TargetFilename": row.fields["path"]})


def _connections(collected: CollectionReader, rows: Iterator[Row]) -> Iterator[Event]:
    programs = {str(row.fields["pid"]): row.fields["program"] for row in tables()["processes"].read(collected)}
    for row in rows:
        of = row.fields
        (here, _, port), (there, _, there_port) = (str(of[side]).rpartition(":") for side in ("local", "remote"))
        fields = {"SourceIp": here.strip("[]"), "SourcePort": port, "DestinationIp": there.strip("[]")}
        fields |= {"DestinationPort": there_port, "Protocol": str(of["protocol"])}
        if owner := _OWNER.search(str(of["process"])):
            fields |= {"ProcessId": owner[1], "Image": str(programs.get(owner[1], ""))}
        yield _event(row, f"{of['local']} to {of['remote']}: {of['process']}", fields)


_OWNER = re.compile(r"\((\d{1,9})\)")
_LINE = frozenset({"program", "message", "tty", "pwd", "user", "group", "env", "command"})
_PROGRAMS = {
    "sshd": frozenset({"sshd", "sshd-session", "sshd-auth"}),
    "sudo": frozenset({"sudo"}),
    "su": frozenset({"su"}),
    "cron": frozenset({"cron", "crond", "crontab", "anacron"}),
    "vsftpd": frozenset({"vsftpd"}),
    "clamav": frozenset({"clamd", "freshclam", "clamscan"}),
}
_URI = frozenset(f"{side}-uri{part}" for side in ("c", "cs") for part in ("", "-stem", "-query"))
_WEB = Stream(
    ("requests",),
    _URI | {"cs-method", "sc-status", "c-ip", "src_ip", "cs-user-agent", "c-useragent", "cs-referer", "c-referer"},
    _requests,
)
_CATEGORIES = {
    "process_creation": Stream(
        ("processes",),
        frozenset(
            ("image", "originalfilename", "commandline", "currentdirectory", "processid", "parentprocessid", "user")
        )
        | {"parentimage", "parentcommandline"},
        _processes,
    ),
    "file_event": Stream(("changed",), frozenset({"targetfilename"}), _changed),
    "network_connection": Stream(
        ("connections",),
        frozenset({"sourceip", "sourceport", "destinationip", "destinationport", "protocol", "processid", "image"}),
        _connections,
    ),
}
_SERVICES = {
    "": Stream(("log-lines", "history-lines"), _LINE, _lines),
    "syslog": Stream(("log-lines",), _LINE, _lines),
    "auth": Stream(("auth-lines",), _LINE, _lines),
    "auditd": Stream(("audit-lines",), None, _audit),
}

"""Settings of web servers by which requests of some visitors are written into no log."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.provenance.mechanisms import ELSEWHERE
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of

_SETTINGS = re.compile(r"^/etc/(?:apache2|httpd|nginx|lighttpd)/")
_LARGEST = 256 << 10
_LONGEST = 2048
_MOST = 1000
"""Variables by which logs are chosen."""
_MARKS = re.compile(
    r"(?i)^\s*(?:SetEnvIf(?:NoCase)?\s+\"?(?P<by>\S+?)\"?|(?P<agent>BrowserMatch)(?:NoCase)?)\s+(?P<of>\"[^\"]*\"|\S+)\s+(?P<name>\w+)"
)
"""A variable that Apache sets for requests that fit a condition (mod_setenvif)."""
_USED = re.compile(r"(?i)^\s*CustomLog\s.*\benv=(?P<name>\w+)")
"""The requests are in a log of their own."""
_IF = re.compile(r"(?i)^\s*if\s*\(\s*\$(?P<by>remote_addr|http_user_agent|http_x_\w+)\s*[=~]\*?\s*(?P<of>[^)]+)\)")
_OFF = re.compile(r"(?i)\baccess_log\s+off\b")
_NEAR = 3
"""Lines behind a condition of nginx(8) that belong to it."""
_LEFT_OUT = re.compile(r"(?i)^\s*CustomLog\s.*\benv=!(?P<name>\w+)")
_MAP = re.compile(r"(?i)^\s*(?:map|geo)\s+(?:\$(?P<by>\w+)\s+)?\$(?P<name>\w+)\s*\{")
_ZERO = automaton(r"^\s*(?P<of>\"[^\"]*\"|\S+)\s+[\"']?0?[\"']?\s*;")
_LOGGED_IF = re.compile(r"(?i)^\s*access_log\s.*\bif=\$(?P<name>\w+)")
_VISITOR = re.compile(r"(?i)^(?:remote_(?:addr|host)|x-forwarded-for|http_x_\w+|user-agent|http_user_agent|x-\S+)?$")
"""By what a visitor is told from others; not by the page that is asked for."""
_ADDRESS = re.compile(rf"(?<![\d.]){ELSEWHERE}(?![\d.])")


@table(
    "unlogged-visitors",
    reads="configuration",
    fields={
        "path": "the file",
        "by": "what tells them from others, such as `Remote_Addr`",
        "of": "the pattern, or the address",
        "address": "an address of the Internet; empty without one",
    },
)
def unlogged_visitors(collected: CollectionReader) -> Iterator[Row]:
    """Visitors, told by address or by what they send, whose requests a web server leaves out of its log."""
    marked: dict[str, list[tuple[Fields, Place]]] = {}
    left_out: set[str] = set()
    used: set[str] = set()
    for member in collected.members("configuration"):
        if member.kind == "file" and _SETTINGS.match(member.name):
            for name, fields, place in _marks(member, left_out, used):
                if not name:
                    yield Row(fields, place)
                elif collected.meter.hold("settings of logs", str(fields["of"])):
                    marked.setdefault(name, []).append((fields, place))
    for name, found in marked.items():
        if name in left_out - used:
            yield from (Row(fields, place) for fields, place in found)


def _marks(member: Member, left_out: set[str], used: set[str]) -> Iterator[tuple[str, Fields, Place]]:
    """Yield variables that stand for some visitors, and visitors for whom no log is written, with an empty name.

    The variables by which a log is chosen are added to `left_out` or `used`.
    """
    variable, by = "", ""
    condition: tuple[Fields, Place] | None = None
    left = 0
    for number, line in text_of(member, _LARGEST):
        text = line[:_LONGEST]
        place = Place("configuration", number, member.name)
        if found := _LEFT_OUT.match(text) or _LOGGED_IF.match(text):
            _note(left_out, found["name"])
        elif found := _USED.match(text):
            _note(used, found["name"])
        elif found := _MARKS.match(text):
            told = found["by"] or found["agent"]
            if found["agent"] or _VISITOR.match(told):
                yield found["name"], _fields(member.name, told, found["of"]), place
        elif found := _IF.match(text):
            condition, left = (_fields(member.name, found["by"], found["of"]), place), _NEAR
        elif found := _MAP.match(text):
            variable, by = found["name"], found["by"] or "remote_addr"
        elif text.lstrip().startswith("}"):
            variable = ""
        if condition and left and _OFF.search(text):
            yield "", *condition
            condition = None
        left = max(0, left - 1)
        if variable and _VISITOR.match(by):
            for part in text.rpartition("{")[2].split(";"):
                if (of := _zero(f"{part};")) not in {"", "default"}:
                    yield variable, _fields(member.name, by, of), place


def _note(names: set[str], name: str) -> None:
    if len(names) < _MOST:
        names.add(name)


def _zero(text: str) -> str:
    """Return the pattern that a part of a map gives an empty value or 0; empty for any other part."""
    found = _ZERO.search(text.encode("utf-8", "surrogatepass"))
    return found.group(1).decode("utf-8", "surrogatepass") if found else ""


def _fields(path: str, by: str, of: str) -> Fields:
    plain = of.strip('"').replace("\\", "")
    found = _ADDRESS.search(plain)
    return {"path": path, "by": by, "of": plain, "address": found[0] if found else ""}

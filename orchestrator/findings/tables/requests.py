"""Web servers' logs: requests (combined format of Apache and nginx), and errors."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader, Line, lines_of
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.moments import of_access_log

LOG = 256 << 20
"""Bytes of one log that are read, uncompressed."""
_PIECE = 64 << 10
"""Bytes that are unpacked at once."""
_ACCESS = re.compile(r"/(?:apache2?|httpd|nginx|lighttpd)/[^/]*access[^/]*$")
_ERRORS = re.compile(r"/var/log/(?:apache2?|httpd|nginx|lighttpd)/[^/]*error[^/]*$|/var/log/php[^/]*$")
_FETCHED = re.compile(
    r"--\d{4}-\d\d-\d\d [\d:]{8}--  (?:https?|ftp)://|Connecting to \S{1,200}\.\.\. connected"
    r"|HTTP request sent, awaiting response|curl: \(\d{1,3}\) |\s*% Total\s+% Received"
)
_REQUEST = re.compile(
    r'(?:\S+:\d+ )?(\S{1,100}) \S+ \S+ \[([^\]]{1,40})\] "(?:([A-Z]{3,10}) )?((?:[^"\\]|\\.)*?)(?: HTTP/[\d.]+)?" '
    r'(\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?'
)


@table(
    "requests",
    reads="logs",
    fields={
        "log": "the log",
        "address": "who asked",
        "time": "seconds since the epoch, or 0",
        "method": "`GET`, `POST` …",
        "path": "what was asked, percent-signs decoded twice",
        "asked": "the same, as the log has it",
        "status": "what the server answered",
        "done": "the status is 2xx or 5xx: the request came through",
        "agent": "what the visitor calls itself",
        "referer": "from which page it came, as it says",
        "words": "the referer and the agent, behind one another",
    },
)
def requests(collected: CollectionReader) -> Iterator[Row]:
    """Requests in the access logs."""
    for member in _access_logs(collected):
        for number, text in log_lines(member):
            if row := _request(member.name, number, text):
                yield row


def _access_logs(collected: CollectionReader) -> Iterator[Member]:
    return (each for each in collected.members("logs") if each.kind == "file" and _ACCESS.search(each.name))


def _request(log: str, number: int, text: str) -> Row | None:
    found = _REQUEST.match(text[:16384])
    if not found:
        return None
    status = int(found[5])
    row: Fields = {
        "log": log,
        "address": found[1],
        "time": of_access_log(found[2]),
        "method": found[3] or "",
        "path": unquote(unquote(found[4])),
        "asked": found[4],
        "status": status,
        "done": 200 <= status < 300 or status >= 500,
        "agent": found[8] or "",
        "referer": found[7] or "",
        "words": f"{found[7] or ''} {found[8] or ''}".strip(" -"),
    }
    return Row(row, Place("logs", number, log), float(row["time"]))


_ATTACK = automaton(
    r"(?i)<\s*(?:script|svg|iframe|img)\b|javascript:|\bunion\b[\s/*+(]+(?:all\b[\s/*+(]+)?select\b|(?:\.\./){2,}|/etc/passwd"
    r"|(?:php|data|expect|phar)://|\$\{(?:jndi|env):|\(\)\s*\{",
    captures=False,
)
_MAY_ATTACK = automaton(r"(?i)[%<({]|\.\./|/etc/|://|javascript:|union", captures=False)
"""Without any of it a request is no attack by its path, percent-signs decoded or not."""


@table(
    "attacks-refused",
    reads="logs",
    fields={
        "log": "the log",
        "count": "requests that are an attack by their path, and that the server refused",
        "addresses": "by how many addresses",
        "example": "one of them",
    },
)
def attacks_refused(collected: CollectionReader) -> Iterator[Row]:
    """Requests that are an attack and were refused, one row for each log."""
    found: dict[str, tuple[int, set[str], str, Row]] = {}
    for member in _access_logs(collected):
        for number, text in log_lines(member):
            if not _MAY_ATTACK.search(text.partition('"')[2].partition('" ')[0].encode("utf-8", "surrogatepass")):
                continue
            row = _request(member.name, number, text)
            if not row or row.fields["done"]:
                continue
            path, address = str(row.fields["path"]), str(row.fields["address"])
            if not _ATTACK.search(path.encode("utf-8", "surrogatepass")):
                continue
            example = f"{address} {row.fields['method']} {path}: {row.fields['status']}"[:400]
            if member.name not in found and not collected.meter.hold("logs of attacks", member.name, example):
                continue
            count, addresses, first, begun = found.get(member.name, (0, set(), example, row))
            if address in addresses or collected.meter.hold("addresses of attacks", address):
                addresses.add(address)
            found[member.name] = count + 1, addresses, first, begun
    for log, (count, addresses, first, begun) in found.items():
        yield Row(
            {"log": log, "count": count, "addresses": len(addresses), "example": first}, begun.place, begun.time
        )


@table("web-errors", reads="logs", fields={"log": "the log", "text": "the line"})
def web_errors(collected: CollectionReader) -> Iterator[Row]:
    """Yield the lines of wget(1) and curl(1) in the logs of errors, where the programs of a web shell complain."""
    for member in collected.members("logs"):
        for number, text in log_lines(member) if member.kind == "file" and _ERRORS.search(member.name) else ():
            if _FETCHED.match(text[:400]):
                yield Row({"log": member.name, "text": text[:300]}, Place("logs", number, member.name))


def log_lines(member: Member) -> Iterator[Line]:
    """Yield the lines of a log, plain or gzip; damage ends the log."""
    if not member.name.endswith(".gz"):
        yield from lines_of(member.chunks(LOG), member.meter, member.name)
        return
    yield from lines_of(_unpacked(member), member.meter, member.name)


def _unpacked(member: Member) -> Iterator[bytes]:
    """Yield the decompressed content, at most LOG bytes; skipped and damaged parts are reported to the meter."""
    unpack, left = _inflater(), LOG
    for chunk in member.chunks(LOG):
        rest = chunk
        while rest:
            if unpack.eof:  # concatenated gzip members are valid (RFC 1952, 2.2)
                if not (rest := rest.lstrip(b"\0")):
                    break
                unpack = _inflater()
            try:
                piece = unpack.decompress(rest, _PIECE)
            except zlib.error:
                member.meter.damage(f"{member.name}: no gzip, or damaged")
                return
            rest = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
            left -= len(piece)
            if left < 0:
                member.meter.leave_out(f"{member.name}: longer than {LOG} bytes")
                return
            if not member.meter.unpack(len(piece), member.name):
                return
            yield piece
    if not unpack.eof and member.size:
        member.meter.damage(f"{member.name}: its end is missing")


def _inflater() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)

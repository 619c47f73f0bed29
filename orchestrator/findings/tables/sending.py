"""Mail sent by programs of the host, with counts, from the logs of mail servers and PHP."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.codes import server_accounts
from stopgap.orchestrator.findings.tables.requests import log_lines

_LOG = re.compile(r"/(?:mail\.(?:log|info)|maillog|mainlog|(?:php[\w.-]*)?mail[\w.-]*\.log)(?:[.-]\d+)?(?:\.gz)?$")
_PHP = re.compile(r"mail\(\) on \[(/[^\]]{1,1024}):\d+\]: To: ")
_POSTFIX = re.compile(r"postfix/pickup\[\d+\]: \w+: uid=(\d{1,10}) from=<(\S*)>")
_EXIM = re.compile(r"\bcwd=(/\S{1,1024}) \d+ args: \S*(?:sendmail|exim4?)\b.*")
_SYSTEM = ("/var/spool/exim", "/etc", "/root", "/")
_WEB = re.compile(r"/(?:var/www|srv/www|srv/http|usr/share/nginx/html)/|/home/[^/]+/(?:public_html|www|htdocs)/")


@table(
    "senders-here",
    reads="logs",
    also="configuration",
    fields={
        "origin": "the script, the directory that it was in, or `user NUMBER`",
        "messages": "how many it sent",
        "web": "it belongs to a web site, or to the web server's account",
        "log": "the log that says so",
    },
)
def senders_here(collected: CollectionReader) -> Iterator[Row]:
    """Programs of this host with mail sent, most frequent first: PHP's mail.log, Postfix's and Exim's log."""
    servers = {f"user {uid}" for uid, _ in server_accounts(collected)}
    counts: dict[tuple[str, str], int] = {}
    for member in collected.members("logs"):
        if member.kind != "file" or not _LOG.search(member.name):
            continue
        for _, text in log_lines(member):
            origin = _origin(text[:4096])
            key = (member.name, origin)
            if origin and (key in counts or collected.meter.hold("origins of mail", *key)):
                counts[key] = counts.get(key, 0) + 1
    for (log, origin), count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        web = origin in servers or bool(_WEB.search(f"{origin}/"))
        row: Fields = {"origin": origin, "messages": count, "web": web, "log": log}
        yield Row(row, Place("logs", member=log))


def _origin(text: str) -> str:
    if found := _PHP.search(text):
        return found[1]
    if found := _POSTFIX.search(text):
        return f"user {found[1]}"
    if (found := _EXIM.search(text)) and not (found[1] in _SYSTEM or found[1].startswith(_SYSTEM[0])):
        return found[1]
    return ""

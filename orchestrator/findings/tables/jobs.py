"""Jobs that cron(8) ran, by the system logs, beside the tables of cron."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader, with_artifact
from stopgap.orchestrator.findings.provenance.acts import acts_of, gravity
from stopgap.orchestrator.findings.provenance.commands import programs
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of
from stopgap.orchestrator.findings.tables.origin import origins
from stopgap.orchestrator.findings.tables.own_lines import SPEAKER, own_lines
from stopgap.orchestrator.findings.tables.packages import digests_of

_LOGS = re.compile(r"/var/log/(?:syslog|messages|cron(?:\.log)?)(?:[.-]\d+)?(?:\.gz)?$")
_JOB = re.compile(SPEAKER + r"CROND?\[\d{1,9}\]: \((?P<user>[\w.-]{1,64})\) CMD \((?P<command>.*)\)\s*$")
_CRON_FIELDS = re.compile(r"\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+")
_ENDS = re.compile(r"(?<!\\)%")
"""The input of a job follows an unescaped percent sign (crontab(5))."""
_MOST = 10_000
"""Different jobs of a host's logs."""


@table(
    "log-jobs",
    reads="logs",
    also="journal-lines cron configuration package-digests bodyfile",
    fields={
        "user": "as whom",
        "command": "what cron ran",
        "count": "how often",
        "weight": "0 to 4: where its programs lie, whether a package brought them, and what it does",
        "because": "what speaks for that weight",
    },
)
def log_jobs(collected: CollectionReader) -> Iterator[Row]:
    """Yield the jobs in cron's log lines that are in no table of cron now; nothing if the tables are not complete."""
    tables = with_artifact(collected, "cron").item("cron")
    if tables is None or tables.truncated:
        return
    found: dict[tuple[str, str], tuple[int, Place, float]] = {}
    for job, place, time in own_lines(collected, _LOGS, " CMD (", _JOB):
        key = (job["user"], " ".join(job["command"].replace("^I", " ").split()))
        if key in found or (len(found) < _MOST and collected.meter.hold("jobs", *key)):
            found[key] = (found[key][0] + 1 if key in found else 1, place, time)
    present = _present(collected) if found else None
    if present is None:
        return
    gone = {key: seen for key, seen in found.items() if key[1] not in present}
    started = {key: paths for key in gone if collected.meter.hold("programs", *(paths := programs(key[1])))}
    known = origins(collected, [path for each in started.values() for path in each], digests_of(collected))
    for key, (count, place, time) in gone.items():
        acts = acts_of(key[1])
        weight, because = gravity(acts), [f"does: {', '.join(acts)}"] if acts else []
        for path in started.get(key, ()):
            if not path.startswith("/") or path.startswith("/etc/"):
                continue
            origin, lies = known.of(path), place_of(path)
            if is_hidden(path) or lies == "open":
                weight, because = max(weight, 3), [*because, f"leads to {path}, in a hidden or open place"]
            elif origin in {"no", "absent"} and lies in {"system", "data", "web"}:
                its = 2 if known.entry(path) and lies != "web" else 1
                weight, because = max(weight, its), [*because, f"leads to {path}, of no package"]
        row: Fields = {"user": key[0], "command": key[1], "count": count, "weight": weight}
        yield Row(row | {"because": ", ".join(because)}, place, time)


def _as_run(command: str) -> str:
    """Return a command of a table as cron(8) runs and logs it, each blank one space."""
    return " ".join(_ENDS.split(command, maxsplit=1)[0].replace("\\%", "%").split())


def _present(collected: CollectionReader) -> set[str] | None:
    """Return the commands in the tables of cron, each with and without its first word, which may be a user.

    None for more commands than memory holds: a command that is missing from an incomplete list may exist.
    """
    found: set[str] = set()
    for member in with_artifact(collected, "cron").members("cron"):
        for _, text in text_of(member) if member.kind == "file" else ():
            fields = _CRON_FIELDS.match(text[:4096])
            command = _as_run(text[fields.end() : 4096]) if fields else ""
            for each in (command, command.partition(" ")[2]):
                if not collected.meter.hold("tables of cron", each):
                    return None
                found.add(each)
    return found

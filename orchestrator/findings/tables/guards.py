"""What watches over the host and was stopped or removed, and packages for attacks that were installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader, with_artifact
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.own_lines import SPEAKER, OwnLine, own_lines
from stopgap.orchestrator.findings.tables.requests import log_lines

_MAIN = re.compile(r"/var/log/(?:syslog|messages)(?:[.-]\d+)?(?:\.gz)?$")
_STATE = re.compile(
    SPEAKER + r"systemd\[1\]: (?P<state>Started|Stopped) (?P<unit>(?:rsyslog|syslog-ng|auditd|fail2ban|crowdsec|falco"
    r"|wazuh-agent|osqueryd|falcon-sensor|mdatp|clamav-daemon|snoopy|sysmon|auditbeat|filebeat)\.service)\b"
)
_GRACE = 600.0
"""Seconds before the collection: a service that was stopped later may be between a stop and a start."""
_PACKAGES = re.compile(r"/var/log/(?:dpkg\.log|apt/history\.log|yum\.log|dnf\.rpm\.log)(?:[.-]\d+)?(?:\.gz)?$")
_GUARDS = (
    "auditd", "audit", "rkhunter", "chkrootkit", "unhide", "aide", "tripwire", "samhain", "debsums",
    "fail2ban", "crowdsec", "sshguard", "clamav", "clamav-daemon", "osquery", "falco", "wazuh-agent",
    "rsyslog", "syslog-ng", "snoopy", "acct", "apparmor", "falcon-sensor", "mdatp", "sysmonforlinux",
    "auditbeat", "filebeat", "logcheck", "etckeeper",
)  # fmt: skip
_TOOLS = (
    "masscan", "zmap", "hydra", "medusa", "ncrack", "patator", "john", "hashcat", "sqlmap", "nikto", "wfuzz",
    "gobuster", "proxychains", "proxychains4", "proxychains-ng", "ettercap-common", "dsniff", "bettercap",
    "responder", "yersinia", "aircrack-ng", "metasploit-framework", "weevely", "iodine", "dns2tcp", "ptunnel",
    "sshpass", "crackmapexec", "netexec", "python3-impacket", "xmrig", "hping3", "slowhttptest", "tor",
    "torsocks", "i2pd", "chisel", "crunch", "cewl",
)  # fmt: skip
_REMOVES = re.compile(r"^\S+ \S+ (?:remove|purge) |^(?:Remove|Purge): |\b(?:Erased?|Removed): ")
_INSTALLS = re.compile(r"^\S+ \S+ install |^Install: |\bInstalled: ")
_GUARD = re.compile(rf"(?<![\w.+-])(?:{'|'.join(_GUARDS)})(?![\w.+]|-(?!\d))")
_TOOL = re.compile(rf"(?<![\w.+-])(?:{'|'.join(_TOOLS)})(?![\w.+]|-(?!\d))")
_LOGGERS = frozenset({"rsyslog", "syslog-ng"})
"""One takes the other's place."""


@table(
    "log-guards",
    reads="logs",
    also="journal-lines configuration",
    fields={"unit": "the service that was stopped, and not started again"},
)
def log_guards(collected: CollectionReader) -> Iterator[Row]:
    """Yield the services that watch over the host and whose last line of systemd(1) is a stop."""
    last: dict[str, OwnLine] = {}
    for line in own_lines(collected, _MAIN, "systemd[1]: St", _STATE):
        unit = line.found["unit"]
        if unit not in last and not collected.meter.hold("guards", unit):
            continue
        if unit not in last or last[unit].time <= line.time:  # a rotated log may come first or last
            last[unit] = line
    for unit, line in last.items():
        if line.found["state"] == "Stopped" and collected_at(collected) - line.time > _GRACE:
            yield Row({"unit": unit}, line.place, line.time)


@table(
    "package-acts",
    reads="logs",
    also="packages",
    fields={
        "package": "its name",
        "act": "`removed`: what watches over a host; `came`: what attacks others",
        "installed": "the host has it now, or another that does the same",
        "text": "the line",
    },
)
def package_acts(collected: CollectionReader) -> Iterator[Row]:
    """Yield the guards that package managers removed, and the packages for attacks that they installed."""
    installed = {
        word
        for _, text in with_artifact(collected, "packages").lines("packages")
        if (word := re.split(r"[\s:]", text[:200], maxsplit=1)[0]) in {*_GUARDS, *_TOOLS}
    }
    for member in collected.members("logs"):
        if member.kind != "file" or not _PACKAGES.search(member.name):
            continue
        for number, text in log_lines(member):
            line = text[:4096]
            for act, does, name in (("removed", _REMOVES, _GUARD), ("came", _INSTALLS, _TOOL)):
                begun = does.search(line)
                for found in name.finditer(line, begun.end()) if begun else ():
                    package = found[0]
                    others = installed & (_LOGGERS if package in _LOGGERS else {package})
                    row: Fields = {"package": package, "act": act, "installed": bool(others)}
                    row |= {"text": line[max(0, found.start() - 100) : found.end() + 100]}
                    yield Row(row, Place("logs", number, member.name))

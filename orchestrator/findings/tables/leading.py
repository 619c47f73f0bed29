"""Where names and packets are sent: the hosts file, rules that redirect, and routes that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of
from stopgap.orchestrator.hostnumber import parse_int

_NOWHERE = re.compile(r"^(?:0\.0\.0\.0|127\.|::1?$|255\.)")
_SOURCE = re.compile(r"https?://([\w.-]{3,200})")
_UPDATES = re.compile(
    r"(?i)(?:^|\.)(?:security|deb|archive|ftp|updates?|mirrors?|packages?|dl|download|repo|yum|rpm|apt|clamav|database|definitions|"
    r"signatures)\.[\w-]+\.\w+$|(?:debian|ubuntu|canonical|centos|redhat|fedoraproject|rockylinux|almalinux|alpinelinux|"
    r"archlinux|opensuse|suse|snapcraft|clamav|virustotal|sophos|eset|kaspersky|crowdstrike|sentinelone|microsoft|aliyun|"
    r"aegis|tencent\w*|imunify360|cloudlinux|wordfence|sucuri|malwarebytes|abuse|spamhaus|github|githubusercontent|pypi|npmjs)\.\w{2,6}$"
)
_LOCAL = re.compile(
    r"(?i)(?:^|\.)(?:localhost\d?|local|localdomain\d?|lan|internal|intern|test|home|example|invalid|arpa|corp|dev|docker)$"
)
_FEW = 30
"""Names that lead nowhere; more of them are a list that keeps advertisements away."""
_RUNTIME = re.compile(
    r"(?i)DOCKER|CNI-|NETAVARK|KUBE|LIBVIRT|cali-|flannel|istio|PODMAN|LXC|virbr|nixos|firewalld|ufw-"
)
_NFT = re.compile(r"\b(?:redirect(?: to :(\d{1,5}))?|dnat (?:ip6? )?to (\S+)|tproxy (?:ip6? )?to (\S+))")
_IPTABLES = re.compile(
    r"-j (?:REDIRECT(?: .*--to-ports? (\d{1,5}))?|DNAT .*--to-destination (\S+)|TPROXY(?: .*--on-port (\d{1,5}))?)"
)
_ROUTE = re.compile(
    r"^(blackhole|unreachable|prohibit)\s+(?!default\b|10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cde])"
    r"([0-9a-fA-F.:]{2,45})(?:/(\d{1,3}))?(?:\s|$)"
)
_CHAIN = re.compile(r"^\s*chain (\S+) ")


@table(
    "hosts",
    reads="configuration",
    fields={
        "name": "the name",
        "address": "where it leads",
        "nowhere": "to this host, or to none",
        "updates": "packages or definitions come from there",
        "many": "very many names lead nowhere, as in a list against advertisements",
    },
)
def hosts(collected: CollectionReader) -> Iterator[Row]:
    """Names that /etc/hosts leads somewhere, other than those of the network that the host is in."""
    found: list[tuple[int, str, str]] = []
    sources: set[str] = set()
    own = "localhost"
    for member in collected.members("configuration"):
        if member.kind != "file":
            continue
        if member.name == "/etc/hostname":
            own = next((text.strip().partition(".")[0] for _, text in text_of(member, 4096)), own) or own
        elif member.name.startswith(("/etc/apt/sources.list", "/etc/yum.repos.d/", "/etc/zypp/repos.d/")):
            for _, text in text_of(member, 1 << 20):
                sources |= {name for name in _SOURCE.findall(text[:4096]) if collected.meter.hold("sources", name)}
        elif member.name == "/etc/hosts":
            for number, text in text_of(member):
                address, *names = text.partition("#")[0].split()[:64] or [""]
                found += [(number, address, name) for name in names if collected.meter.hold("hosts", name)]
    nowhere = [name for _, address, name in found if _NOWHERE.match(address)]
    for number, address, name in found:
        if "." not in name or _LOCAL.search(name) or name.partition(".")[0] == own:
            continue
        row: Fields = {"name": name, "address": address, "nowhere": bool(_NOWHERE.match(address))}
        row |= {"updates": name in sources or bool(_UPDATES.search(name)), "many": len(nowhere) > _FEW}
        yield Row(row, Place("configuration", number, "/etc/hosts"))


@table(
    "redirects",
    reads="packet-filter",
    fields={
        "text": "the rule",
        "to": "the port, or the address, that packets are led to",
        "some": "packets of some addresses alone, or after a signal",
        "runtime": "in a chain of a container runtime or of a front end",
    },
)
def redirects(collected: CollectionReader) -> Iterator[Row]:
    """Rules of the packet filter that lead packets to another port or address."""
    chain = ""
    for number, text in collected.lines("packet-filter"):
        if opened := _CHAIN.match(text[:200]):
            chain = opened[1]
        line = text[:4096]
        match = _NFT.search(line) or _IPTABLES.search(line)
        if not match or "policy" in line:
            continue
        some = bool(re.search(r"\bip6? saddr\b|\s-s \S|--rcheck|-m string|@\w+|\bmark\b", line))
        row: Fields = {"text": line.strip(), "to": next(filter(None, match.groups()), ""), "some": some}
        yield Row(row | {"runtime": bool(_RUNTIME.search(f"{chain} {line}"))}, Place("packet-filter", number))


@table("dead-routes", reads="routes", fields={"text": "the route", "to": "the address, or the network"})
def dead_routes(collected: CollectionReader) -> Iterator[Row]:
    """Routes that lead packets to one address or a small network of the Internet nowhere."""
    for number, text in collected.lines("routes"):
        found = _ROUTE.match(text[:200])
        length = parse_int(found[3], 3) if found and found[3] else None
        if found and (length is None or length >= (48 if ":" in found[2] else 20)):
            yield Row({"text": text.strip()[:200], "to": found[2]}, Place("routes", number))

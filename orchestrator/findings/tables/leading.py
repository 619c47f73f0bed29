"""Where names and packets are sent: the hosts file, rules that redirect, and routes that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.provenance.mechanisms import ELSEWHERE
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of
from stopgap.orchestrator.hostnumber import parse_int

_NOWHERE = re.compile(r"^(?:#|0\.0\.0\.0|127\.|::1?$|255\.)")
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
_NAME_SERVERS = re.compile(r"^/etc/(?:dnsmasq\.(?:conf$|d/)|unbound/)")
_ADDRESS = re.compile(r"\s*address\s*=\s*/(?P<names>[^\s/][^\s]{0,2000})/(?P<address>[\da-fA-F.:]*|#)\s*(?:#.*)?$")
_RECORD = re.compile(r"\s*host-record\s*=\s*(?P<words>[\w.,:-]{3,2000})")
_LOCAL_DATA = re.compile(
    r"\s*local-data:\s*[\"'](?P<name>[\w.-]{3,200})\s+(?:\d+\s+)?(?:IN\s+)?A(?:AAA)?\s+(?P<address>[\da-fA-F.:]+)[\"']"
)
_ALONE = re.compile(r"[\d.]*|[\da-fA-F]*:[\da-fA-F:.]*")
"""An address, or a number of seconds, among the words of a line."""
_PRIVATE = re.compile(r"10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd][\da-fA-F]{2}:")
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
_LET_IN = re.compile(
    rf"\s*ip saddr ({ELSEWHERE})(?:/32)? (?:counter (?:packets \d+ bytes \d+ )?)?accept\b"
    rf"|-A (?:INPUT|[\w-]{{0,60}}input|IN_\S{{1,60}}) -s ({ELSEWHERE})(?:/32)? (?:-p tcp )?(?:-m comment --comment (?:\"[^\"]*\"|\S+) )?-j ACCEPT\b"
)
_OUTWARD = re.compile(r"(?i)output|forward|postrouting|\bout\b|fwd")
_RULE = re.compile(
    r"^\d{1,10}:\s+(?:from (?:all|\S+) )?(?:to (?!10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd])\S+ |ipproto \S+ |[sd]port \S+ |uidrange \S+ ){1,4}lookup (?P<table>(?!local\b|main\b|default\b)\S+)"
)
"""For some addresses, ports or accounts: those for marks and cards alone are how tunnels and second networks are set up."""
_CHAIN = re.compile(r"^\s*chain (\S+) ")


@table(
    "hosts",
    reads="configuration",
    fields={
        "file": "the file that leads it there: /etc/hosts, or settings of dnsmasq or unbound",
        "name": "the name",
        "address": "where it leads",
        "nowhere": "to this host, or to none",
        "updates": "packages or definitions come from there",
        "many": "very many names lead nowhere, as in a list against advertisements",
    },
)
def hosts(collected: CollectionReader) -> Iterator[Row]:
    """Names that a file of the host leads somewhere, other than those of the network that the host is in."""
    found: list[tuple[str, int, str, str]] = []
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
                found += [
                    (member.name, number, address, name) for name in names if collected.meter.hold("hosts", name)
                ]
        elif _NAME_SERVERS.match(member.name):
            for number, text in text_of(member):
                found += [
                    (member.name, number, address, name)
                    for name, address in _led(text[:4096])
                    if collected.meter.hold("hosts", name)
                ]
    nowhere = [name for _, _, address, name in found if _NOWHERE.match(address)]
    for file, number, address, name in found:
        if "." not in name or _LOCAL.search(name) or name.partition(".")[0] == own:
            continue
        row: Fields = {"file": file, "name": name, "address": address, "nowhere": bool(_NOWHERE.match(address))}
        usual = file != "/etc/hosts" and _PRIVATE.match(address)  # a mirror of one's own
        row |= {"updates": not usual and (name in sources or bool(_UPDATES.search(name)))}
        row |= {"many": len(nowhere) > _FEW}
        yield Row(row, Place("configuration", number, file))


def _led(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a line of dnsmasq(8) or unbound.conf(5) gives an address, with that address."""
    if found := _ADDRESS.match(text):
        for name in found["names"].split("/")[:64]:
            yield name, found["address"] or "#"
    elif found := _LOCAL_DATA.match(text):
        yield found["name"].rstrip("."), found["address"]
    elif found := _RECORD.match(text):
        words = found["words"].split(",")[:64]
        addresses = [word for word in words if _ALONE.fullmatch(word) and ("." in word or ":" in word)]
        for name in words:
            if addresses and not _ALONE.fullmatch(name):
                yield name, addresses[0]


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


@table("let-in", reads="packet-filter", fields={"text": "the rule", "address": "the address"})
def let_in(collected: CollectionReader) -> Iterator[Row]:
    """Rules of the packet filter that let one address of the Internet in to every port."""
    chain = ""
    for number, text in collected.lines("packet-filter"):
        if opened := _CHAIN.match(text[:200]):
            chain = opened[1]
        found = _LET_IN.match(text[:4096])
        if found and not _OUTWARD.search(chain):
            row: Fields = {"text": text.strip()[:300], "address": next(filter(None, found.groups()))}
            yield Row(row, Place("packet-filter", number))


@table("policy-rules", reads="routes", fields={"text": "the rule", "table": "the table of routes that it leads to"})
def policy_rules(collected: CollectionReader) -> Iterator[Row]:
    """Rules of routing policy (ip-rule(8)) that choose other routes for some addresses."""
    for number, text in collected.lines("routes"):
        found = _RULE.match(text[:400])
        if found:
            yield Row({"text": " ".join(text.split())[:200], "table": found["table"]}, Place("routes", number))


@table("dead-routes", reads="routes", fields={"text": "the route", "to": "the address, or the network"})
def dead_routes(collected: CollectionReader) -> Iterator[Row]:
    """Routes that lead packets to one address or a small network of the Internet nowhere."""
    for number, text in collected.lines("routes"):
        found = _ROUTE.match(text[:200])
        length = parse_int(found[3], 3) if found and found[3] else None
        if found and (length is None or length >= (48 if ":" in found[2] else 20)):
            yield Row({"text": text.strip()[:200], "to": found[2]}, Place("routes", number))

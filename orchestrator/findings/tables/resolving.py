"""Name servers of the host, and whether anything else of the host's settings knows of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of

_SETTINGS = "/etc/resolv.conf"
_SERVER = re.compile(r"\s*nameserver\s+([0-9A-Fa-f.:]{3,45})(?:%\S+)?\s*$")
_WRITTEN_BY = re.compile(
    r"(?i)^\s*[#;].*(?:generated|do not edit|managed by|resolvconf|NetworkManager|cloud-?init|dhc(?:p|lient))"
)
_SOURCES = re.compile(
    r"^/etc/(?:network/|netplan/|NetworkManager/|systemd/(?:network/|resolved\.conf)|resolvconf|dhcp|cloud/|sysconfig/network|unbound/"
    r"|dnsmasq|bind/|hosts$|default/|ppp/|openvpn/|wireguard/)"
)
"""Where else administrators write down which name servers there are."""
_PUBLIC = (
    "1.0.0.0/24 1.1.1.0/24 8.8.4.0/24 8.8.8.0/24 9.9.9.0/24 149.112.112.0/24 208.67.220.0/22 94.140.14.0/23 "
    "185.228.168.0/23 76.76.2.0/24 76.76.10.0/24 77.88.8.0/24 80.80.80.0/23 64.6.64.0/23 4.2.2.0/29 "
    "169.254.169.253/32 168.63.129.16/32 2606:4700:4700::/48 2001:4860:4860::/48 2620:fe::/48 2620:119::/32 "
    "2a10:50c0::/32 fd00:ec2::253/128"
)
"""Networks of name servers that are known to everybody, and of clouds."""
_PRIVATE = (
    "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 fc00::/7 fe80::/10 ::1/128"
)
_KNOWN = tuple(map(ip_network, _PUBLIC.split()))
_WITHIN = tuple(map(ip_network, _PRIVATE.split()))
_MOST = 64


@table(
    "name-servers",
    reads="configuration",
    fields={
        "address": "the name server",
        "outside": "an address of the Internet, of no resolver that is known to everybody",
        "before": "one of the host's own network comes after it",
        "elsewhere": "other settings of the host name it, or a program wrote the file",
    },
)
def name_servers(collected: CollectionReader) -> Iterator[Row]:
    """Name servers that /etc/resolv.conf has."""
    found: list[tuple[int, IPv4Address | IPv6Address]] = []
    written = False
    others: list[str] = []
    for member in collected.members("configuration"):
        if member.kind != "file":
            continue
        if member.name == _SETTINGS:
            for number, text in text_of(member, 64 << 10):
                written = written or bool(_WRITTEN_BY.match(text[:400]))
                if (server := _SERVER.match(text[:200])) and len(found) < _MOST and (at := _address(server[1])):
                    found.append((number, at))
        elif _SOURCES.match(member.name):
            for _, text in text_of(member, 256 << 10):
                if "." in text and collected.meter.hold("settings of networks", text[:1024]):
                    others.append(text[:1024])
    known = "\n".join(others)
    for number, address in found:
        rest = [each for line, each in found if line > number]
        row: Fields = {"address": str(address), "outside": _outside(address)}
        row |= {"before": any(_within(each) for each in rest)}
        row |= {"elsewhere": written or _is_named(str(address), known)}
        yield Row(row, Place("configuration", number, _SETTINGS))


def _is_named(address: str, text: str) -> bool:
    return re.search(rf"(?<![\w.:]){re.escape(address)}(?![\w:]|\.\d)", text) is not None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _outside(address: IPv4Address | IPv6Address) -> bool:
    return not any(address in network for network in (*_WITHIN, *_KNOWN) if network.version == address.version)


def _within(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _WITHIN if network.version == address.version)

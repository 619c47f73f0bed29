"""Which address a router translates to which is read from its own rules, of nftables and of iptables."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from stopgap.orchestrator.facts import Output, TranslationFact, Translations
from stopgap.orchestrator.hosttext import HostText

RULES = """
table ip nat {
    map public { type ipv4_addr : ipv4_addr; elements = { 203.0.113.40 : 10.0.0.40, 203.0.113.41 : 10.0.0.41 }; }
    map services {
        type ipv4_addr . inet_service : ipv4_addr . inet_service
        elements = { 203.0.113.50 . 80 : 10.0.0.50 . 8080 }
    }
    set lan { type ipv4_addr; flags interval; elements = { 10.0.0.0/24 }; }
    chain web { dnat to 10.0.0.77; }
    chain in {
        type nat hook prerouting priority dstnat;
        ip daddr 203.0.113.10 dnat to 10.0.0.5
        iifname "wan0" ip daddr 203.0.113.11 tcp dport { 80, 443 } dnat to 10.0.0.6:8080
        iifname "wan0" tcp dport 22 dnat to 10.0.0.7
        dnat to ip daddr map { 203.0.113.12 : 10.0.0.12 }
        dnat to ip daddr map @public
        dnat ip addr . port to ip daddr . tcp dport map @services
        dnat ip prefix to ip daddr map { 203.0.113.64/28 : 10.0.1.64/28 }
        ip daddr 203.0.113.14 jump web
        ip daddr vmap { 203.0.113.15 : jump web, 203.0.113.16 : goto web }
        ip daddr 203.0.113.17 dnat to numgen inc mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }
        ip daddr != 203.0.113.18 udp dport 53 dnat to 10.0.0.53
    }
    chain out {
        type nat hook postrouting priority srcnat;
        ip saddr 10.0.0.5 oifname "wan0" snat to 203.0.113.10
        ip saddr @lan oifname "wan0" masquerade
        oifname "wan0" snat to 203.0.113.99
    }
}
table inet firewall {
    chain dstnat { type nat hook prerouting priority dstnat; ip6 daddr 2001:db8::5 dnat ip6 to fd00::5; }
    chain forward { type filter hook forward priority filter; ip daddr 203.0.113.200 drop; }
}
table inet stopgap_web {
    chain divert { type nat hook prerouting priority -110; ip daddr 203.0.113.10 dnat ip to 203.0.113.20; }
}
"""
OF_NFT = """\
destination 203.0.113.10/32 10.0.0.5/32
destination 203.0.113.11/32 10.0.0.6/32 part 80 443
destination 203.0.113.12/32 10.0.0.12/32
destination 203.0.113.14/32 10.0.0.77/32
destination 203.0.113.15/32 10.0.0.77/32
destination 203.0.113.16/32 10.0.0.77/32
destination 203.0.113.17/32 10.0.0.1/32
destination 203.0.113.17/32 10.0.0.2/32
destination 203.0.113.40/32 10.0.0.40/32
destination 203.0.113.41/32 10.0.0.41/32
destination 203.0.113.50/32 10.0.0.50/32 part
destination 203.0.113.64/28 10.0.1.64/28
destination 2001:db8::5/128 fd00::5/128
destination any 10.0.0.53/32 part
destination any 10.0.0.7/32 part 22
source 10.0.0.0/24 any
source 10.0.0.5/32 203.0.113.10/32
source any 203.0.113.99/32"""
SAVED = """\
iptables-save
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.10/32 -j DNAT --to-destination 10.0.0.5
-A PREROUTING -d 203.0.113.11/32 -i wan0 -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 10.0.0.6:8080
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A PREROUTING -d 203.0.113.12/32 -j stopgap_web_d
-A PREROUTING -d 203.0.113.64/28 -j NETMAP --to 10.0.1.64/28
-A PREROUTING ! -d 203.0.113.13/32 -p udp --dport 53 -m comment --comment "all but" -j DNAT --to-destination 10.0.0.53
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
-A stopgap_web_d -p tcp -j DNAT --to-destination 203.0.113.20
-A POSTROUTING -s 10.0.0.5/32 -o wan0 -j SNAT --to-source 203.0.113.10
-A POSTROUTING -s 10.0.1.64/28 -j NETMAP --to 203.0.113.64/28
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
ip6tables-save
*nat
-A PREROUTING -d 2001:db8::5/128 -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::5]:8080
COMMIT
"""
OF_IPTABLES = """\
destination 203.0.113.10/32 10.0.0.5/32
destination 203.0.113.11/32 10.0.0.6/32 part 80 443
destination 203.0.113.64/28 10.0.1.64/28
destination 2001:db8::5/128 fd00::5/128 part 80
destination any 10.0.0.53/32 part
destination any 172.17.0.2/32 part 8080
source 10.0.0.5/32 203.0.113.10/32
source 10.0.1.64/28 203.0.113.64/28
source 172.17.0.0/16 any"""


def told(rule: TranslationFact) -> str:
    words = [rule.side, str(rule.of or "any"), str(rule.to or "any"), *(["part"] if rule.part else [])]
    return " ".join([*words, *map(str, rule.ports)])


def printed(text: str, status: int | None = 0) -> Output:
    return Output(HostText(text.encode()), HostText(b""), status)


@pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("nft") and shutil.which("unshare")),
    reason="loads rules into a network namespace of its own, which takes root and nft",
)
def test_what_nft_lists_is_followed_through_maps_and_chains_and_stopgaps_own_table_left_out() -> None:
    script = f"nft -f - && {{ {Translations().script()}; }}"
    rules = RULES.replace(";\n", "\n").replace("; }", "\n}")
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", script], input=rules, capture_output=True, text=True, check=True
    )
    fact = Translations().parse(printed(done.stdout))
    assert fact.unread == ""
    assert sorted(map(told, fact.rules)) == sorted(OF_NFT.splitlines())


def test_what_iptables_saves_is_followed_through_its_chains_and_stopgaps_own_left_out() -> None:
    assert sorted(map(told, Translations().parse(printed(SAVED)).rules)) == sorted(OF_IPTABLES.splitlines())


@pytest.mark.parametrize(
    "output",
    [
        printed("", None),
        printed('{"nftables": [{"rule": {"chain": "x", "expr": [{"match": 7}]}}]}'),
        printed("{" * 5000),
        printed('{"nftables": 7}'),
    ],
)
def test_rules_that_cannot_be_read_are_said_to_be_missing(output: Output) -> None:
    assert Translations().parse(output).unread != ""


def test_a_loop_of_chains_ends() -> None:
    loop = "iptables-save\n*nat\n-A PREROUTING -j A\n-A A -j B\n-A A -j B\n-A B -j A\n-A B -j A\nCOMMIT\n"
    (rule,) = Translations().parse(printed(loop)).rules
    assert not rule.understood

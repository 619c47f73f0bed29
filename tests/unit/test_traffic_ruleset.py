"""The ruleset as text, against nft itself: what it lists after loading is what was wanted."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.facts import ProgramFact
from stopgap.tasks.traffic.counters import Dropping, dropped, remaining
from stopgap.tasks.traffic.driver import Block, Service
from stopgap.tasks.traffic.ruleset import delete_script, elements_of, load_script, nft_time, ruleset, same, table_of

SPARES = (ip_address("203.0.113.20"), ip_address("2001:db8:113::20"))

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("nft") and shutil.which("unshare")),
    reason="loads rules into a network namespace of its own, which takes root and nft",
)

ipv4 = st.builds(
    lambda n, size: IPv4Network((n >> size << size, 32 - size)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 0, 1, 4, 8]),
)
ipv6 = st.builds(
    lambda n, size: IPv6Network((n >> size << size, 128 - size)),
    st.integers(0, 2**128 - 1),
    st.sampled_from([0, 0, 3, 64]),
)
networks = st.builds(
    lambda four, six: (*collapse_addresses(four), *collapse_addresses(six)),
    st.lists(ipv4, max_size=12),
    st.lists(ipv6, max_size=12),
)
services = st.lists(st.builds(Service, st.sampled_from(["tcp", "udp"]), st.integers(1, 65535)), max_size=3).map(tuple)
blocks = st.builds(
    Block,
    label=st.just("web"),
    addresses=networks.filter(bool),
    allowed=networks,
    spare=st.sampled_from([(), SPARES, SPARES[:1], SPARES[1:]]),
    expires=st.integers(20, 40 * 86400).map(lambda s: timedelta(seconds=s)),
    directions=st.sampled_from([("from", "to"), ("from",), ("to",)]),
    services=services,
    ports=services,
    log=st.booleans(),
    cards=st.lists(st.integers(0, 2**40 - 1).map(lambda n: f"02:{n.to_bytes(5, 'big').hex(':')}"), max_size=3).map(
        lambda cards: tuple(sorted(set(cards)))
    ),
)


def in_namespace(script: str, stdin: str) -> str:
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", script], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@settings(max_examples=25, deadline=None)
@given(blocks)
def test_what_nft_lists_is_what_was_wanted(block: Block) -> None:
    table = table_of(block.label)
    listed, _, state = in_namespace(
        f"nft -f - && nft -s list table inet {table} && echo =cut= && nft -j list table inet {table}",
        load_script(ruleset(block), block.label),
    ).partition("=cut=\n")
    assert same(listed, ruleset(block))
    assert set(elements_of("cards", listed)) == set(block.cards)
    assert set(remaining(state)) == set(block.addresses)
    assert all(block.expires - timedelta(seconds=10) <= left <= block.expires for left in remaining(state).values())
    assert set(dropped(state)) == {(way, version) for way in block.directions for version in (4, 6)}


def test_a_dormant_table_drops_nothing() -> None:
    block = Block("web", (IPv4Network("203.0.113.10"), IPv6Network("2001:db8:113::10")), (), (), timedelta(hours=1))
    table = table_of("web")
    check = Dropping(vantage="upstream", table=table, addresses=block.addresses)

    def judged(then: str) -> bool | None:
        shown = in_namespace(f"nft -f - && {then} nft -j list table inet {table}", load_script(ruleset(block), "web"))
        return check.judge(ProgramFact(status=0, stdout=shown)).holds

    assert judged("") is True
    assert not judged(f"nft 'add table inet {table} {{ flags dormant; }}' &&")


def test_a_listing_loads_again_and_deleting_leaves_nothing() -> None:
    block = Block(
        label="web",
        addresses=tuple(IPv4Network(f"203.0.113.{n}") for n in range(10, 40, 3)),
        allowed=(IPv4Network("10.9.0.0/24"),),
        spare=SPARES,
        expires=timedelta(hours=72),
    )
    again = in_namespace(
        "nft -f - && l=$(nft -s list ruleset) && "
        f'printf "%s" "{load_script("$l", "web")}" | nft -f - && [ "$l" = "$(nft -s list ruleset)" ] && '
        f'printf "%s" "{delete_script("web") * 2}" | nft -f - && nft -s list ruleset',
        load_script(ruleset(block), "web"),
    )
    assert again == ""


def test_a_table_with_one_rule_less_is_not_the_same() -> None:
    block = Block("web", (IPv4Network("203.0.113.10"),), (), (), timedelta(hours=1))
    wanted = ruleset(block)
    assert same(wanted, wanted)
    assert not same(wanted.replace("\t\tip daddr @blocked4 counter drop\n", "", 1), wanted)
    assert not same("", wanted)


@pytest.mark.parametrize(("seconds", "text"), [(1, "1s"), (90 * 60, "1h30m"), (72 * 3600, "3d"), (86400 + 5, "1d5s")])
def test_durations_are_written_as_nft_lists_them(seconds: int, text: str) -> None:
    assert nft_time(timedelta(seconds=seconds)) == text

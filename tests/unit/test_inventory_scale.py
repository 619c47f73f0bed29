"""Inventories of thousands of hosts: the work is linear, and no line names them all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from stopgap.orchestrator.host import Host, OtherHosts, Scene
from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.run.examine import examine
from stopgap.tasks.traffic.segment import MOST_ASKED, neighbours_to_ask

from .bench import Bench

LONGEST = 400


def own_file(folder: Path, hosts: int) -> str:
    """Write hosts one by one, each behind a jump host, in groups, below one router."""
    folder.mkdir(exist_ok=True)
    lines = ["hosts:", "  edge: {address: 192.0.2.1, driver: nftables, may_block: [10.0.0.0/8]}"]
    lines += ["  gate: {address: 192.0.2.2}"]
    lines += [f"  h{n}: {{address: 10.0.{n // 256}.{n % 256}, jump: gate}}" for n in range(hosts)]
    lines += ["groups:", "  most: {hosts: [" + ", ".join(f"h{n}" for n in range(hosts)) + "]}"]
    path = folder / f"hosts{hosts}.yaml"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def layered_file(folder: Path, hosts: int) -> str:
    """Write the same hosts as a range, with a pattern and variables of a group."""
    folder.mkdir(exist_ok=True)
    path = folder / f"layered{hosts}.yaml"
    path.write_text(
        f"hosts:\n  edge: {{address: 192.0.2.1, driver: nftables}}\n"
        f"  'h[1:{hosts}]': {{address: 'h[1:{hosts}].example'}}\n  'h*': {{upstream: edge}}\n"
        "groups:\n  most: {hosts: ['h*'], vars: {user: ops}}\n"
    )
    return str(path)


def calls(work: Callable[[], object]) -> int:
    """Count the function calls of some work: a measure that no other process disturbs."""
    count = 0

    def each(frame: object, event: str, _: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(each)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("written", [own_file, layered_file])
@pytest.mark.parametrize("targets", [["h7"], ["most"]])
def test_checking_is_linear_in_the_hosts(
    tmp_path: Path, written: Callable[[Path, int], str], targets: list[str]
) -> None:
    few, many = written(tmp_path, 200), written(tmp_path, 800)

    def work(path: str) -> Callable[[], object]:
        return lambda: examine(["contain"], [path], targets)

    once, fourfold = calls(work(few)), calls(work(many))
    assert fourfold < 4.5 * once


def test_a_foreign_inventory_and_an_own_file_beside_it_are_linear_too(tmp_path: Path) -> None:
    beside = tmp_path / "beside.yaml"
    beside.write_text("defaults: {user: ops}\nhosts: {edge: {may_block: [10.0.0.0/8]}, 'h*': {port: 2222}}\n")

    def work(hosts: int) -> Callable[[], object]:
        listing = tmp_path / f"list{hosts}"
        own = ", ".join(f'"h{n}": {{"ansible_host": "10.0.{n // 256}.{n % 256}"}}' for n in range(hosts))
        listing.write_text(f'{{"_meta": {{"hostvars": {{"edge": {{}}, {own}}}}}}}')
        return lambda: load_inventory([f"command:cat {listing}", beside])

    work(10)()
    once, fourfold = calls(work(200)), calls(work(800))
    assert fourfold < 4.5 * once


def test_no_line_names_thousands_of_hosts(bench: Bench) -> None:
    path = own_file(bench.top / "many", 3000)
    runbook = bench.runbook({"task": "evidence.collect", "with": {"profile": "volatile"}})
    for words in (
        ("check", runbook, "-i", path, "-t", "all"),
        ("check", runbook, "-i", path, "-t", "hosst"),
        ("check", "contain", "-i", path, "-t", "most"),
        ("run", runbook, "-i", path),
        ("run", runbook, "-i", path, "-t", "nobody", "--dry-run"),
        ("run", runbook, "-i", path, "-t", "h1:!h1"),
        ("inventory", "-i", path),
    ):
        _, out, err = bench.stopgap(*words)
        longest = max((*out.splitlines(), *err.splitlines()), key=len)
        assert len(longest) < LONGEST, words


def test_a_router_is_asked_about_the_nearest_of_thousands_of_hosts() -> None:
    hosts = {f"h{n}": Host(name=f"h{n}", address=f"10.0.{n // 256}.{n % 256}") for n in range(4096)}
    hosts = {name: host.model_copy(update={"addresses": (ip_address(host.address),)}) for name, host in hosts.items()}
    target = hosts["h2000"]
    others = OtherHosts(hosts, frozenset({"h2000"}))
    scene = Scene.model_construct(target=target, on=Host(name="edge", address="192.0.2.1"), others=others)
    asked = neighbours_to_ask(scene)
    assert len(asked) == MOST_ASKED
    assert {ip_address("10.0.7.207"), ip_address("10.0.7.209")} < set(asked)
    assert hosts["h0"].addresses[0] not in asked

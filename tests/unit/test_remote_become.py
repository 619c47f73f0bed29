"""Passwords for sudo and su: which hosts may have one, and that no target is sent one."""

from __future__ import annotations

import json

import pytest

from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.source import InvalidInput

from .bench import Bench

HOSTS = """\
hosts:
  web: {{address: 203.0.113.10, upstream: edge, spare: spare{web}}}
  edge: {{address: 10.9.0.1, driver: nftables, may_block: [203.0.113.0/24]{edge}}}
  spare: {{address: 203.0.113.20{spare}}}
"""
PASSWORD = ", user: noc, become: sudo, become_password: 'env:SUDO'"


def test_a_router_and_a_spare_may_have_a_password_for_sudo():
    hosts = parse_inventory(HOSTS.format(web="", edge=PASSWORD, spare=PASSWORD), "f").hosts
    assert str(hosts["edge"].become_password) == str(hosts["spare"].become_password) == "‹secret env:SUDO›"


@pytest.mark.parametrize(
    ("host", "keys", "said"),
    [
        ("web", PASSWORD, "web is no router and no spare, and a password is never sent to a target"),
        ("edge", ", become: doas, become_password: 'env:SUDO'", "no program takes this password"),
        ("edge", ", become_password: 'env:SUDO'", "no program takes this password"),
    ],
)
def test_a_password_elsewhere_is_a_problem_at_its_place(host: str, keys: str, said: str):
    given = {"web": "", "edge": "", "spare": "", host: keys}
    with pytest.raises(InvalidInput) as raised:
        parse_inventory(HOSTS.format(**given), "inventory.yaml")
    assert said in str(raised.value)
    assert "inventory.yaml:" in str(raised.value)


def test_a_router_that_is_a_target_itself_gets_no_password(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUDO", "a password of the operator")
    inventory = json.loads(bench.inventory.read_text())
    edge = {"driver": "nftables", "become": "sudo", "become_password": "env:SUDO"}
    inventory["hosts"]["a"] |= edge
    bench.inventory.write_text(json.dumps(inventory))
    step = {"id": "x", "task": "host.file", "with": {"path": str(bench.files / "x"), "content": "x"}}
    status, _, err = bench.stopgap("run", bench.runbook(step), "-i", str(bench.inventory), "-t", "a", "--yes")
    assert (status, "a target of this run gets no password" in err) == (4, True)
    assert not (bench.files / "x").exists()

"""`stopgap ready`: a look that changes nothing, and names what would be lacking."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Lab
from .operator import Operator

pytestmark = pytest.mark.lab


def inventory(path: Path, changes: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the lab's inventory with some hosts' keys changed; a key of None is left out."""
    described = yaml.safe_load((ROOT / "inventories" / "lab.yaml").read_text())
    for name, keys in changes.items():
        host = {**described["hosts"][name], **keys}
        described["hosts"][name] = {key: value for key, value in host.items() if value is not None}
    path.write_text(json.dumps(described))
    return str(path)


def lacking(document: Mapping[str, Any]) -> list[str]:
    return [f"{i['host']} {i['subject']}: {i['text']}" for i in document["items"] if i["state"] == "lacks"]


def test_the_lab_is_ready_and_nothing_on_it_is_changed(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(lab, tmp_path / "state")
    ruleset = lab.read("edge", "nft -s list ruleset; ls -A /run/stopgap 2>/dev/null || true")
    apache = lab.read(
        "spare", "find /etc/apache2 /var/www -newer /proc/1/cmdline; ls /run/stopgap 2>/dev/null || true"
    )

    done = operator.stopgap("ready", "-i", inventory(tmp_path / "auto.yaml", {"edge": {"driver": None}}))

    assert done.status == 0, done.out
    assert "Ready: nothing is lacking. Nothing was changed." in done.out
    assert "nftables (nft works there, beside inet filter): both ways" in done.out
    assert not (tmp_path / "state" / "journal.sqlite").exists()
    assert lab.read("edge", "nft -s list ruleset; ls -A /run/stopgap 2>/dev/null || true") == ruleset
    assert (
        lab.read("spare", "find /etc/apache2 /var/www -newer /proc/1/cmdline; ls /run/stopgap 2>/dev/null || true")
        == apache
    )


def test_what_is_lacking_is_named_and_ends_with_1(lab: Lab, tmp_path: Path) -> None:
    path = inventory(
        tmp_path / "lacking.yaml",
        {
            "web": {"addresses": ["203.0.113.10"]},
            "neighbour": {"upstream": None},
            "edge": {"may_block": ["203.0.113.0/28"]},
            "isp": {"vantage": None},
        },
    )
    lab.read("spare", "systemctl stop apache2")
    try:
        done = Operator(lab, tmp_path / "state").stopgap(
            "ready", "-i", path, "-t", "web", "-t", "neighbour", "--json"
        )
    finally:
        lab.read("spare", "systemctl start apache2")

    document = json.loads(done.out)
    named = "\n".join(lacking(document))
    assert (done.status, document["ready"], document["schema"]) == (1, False, "stopgap.ready")
    assert "neighbour router: no router is named above it" in named
    assert "web cut: 2001:db8:113::10 answers from web's network card, and is not blocked" in named
    assert "spare port: port 80: Connection refused" in named


def test_an_address_outside_may_block_is_lacking(lab: Lab, tmp_path: Path) -> None:
    path = inventory(tmp_path / "narrow.yaml", {"edge": {"may_block": ["198.51.100.0/24"]}})

    done = Operator(lab, tmp_path / "state").stopgap("ready", "-i", path, "-t", "web", "--json")

    assert done.status == 1
    assert "web cut: refused on edge: 203.0.113.10 is outside what edge may block" in "\n".join(
        lacking(json.loads(done.out))
    )


def test_sudo_for_nft_alone_is_enough_for_a_block_and_its_undo(lab: Lab, tmp_path: Path) -> None:
    lab.read(
        "edge",
        "useradd -m noc && install -d -m 700 -o noc ~noc/.ssh && "
        "install -m 600 -o noc /root/.ssh/authorized_keys ~noc/.ssh/authorized_keys",
    )
    operator = Operator(lab, tmp_path / "state", inventory(tmp_path / "noc.yaml", {"edge": {"user": "noc"}}))
    before = lab.read("edge", "nft -s list ruleset")

    printed = operator.stopgap("ready", "-i", operator.inventory, "-t", "web", "--sudoers")
    assert printed.out.splitlines()[-1] == "noc ALL=(root) NOPASSWD: /usr/sbin/nft"
    written = lab.ssh("edge", "umask 337; cat >/etc/sudoers.d/stopgap && visudo -c", stdin=printed.out)
    assert written.returncode == 0, written.stdout + written.stderr

    allowed = {"edge": {"user": "noc", "sudo_for": ["nft"]}}
    operator = Operator(lab, tmp_path / "state", inventory(tmp_path / "sudo.yaml", allowed))
    runbook = tmp_path / "block.yaml"
    runbook.write_text(json.dumps({"name": "Block", "steps": [{"id": "cut", "task": "traffic.block"}]}))
    ran = operator.run(str(runbook), "-t", "web", "--yes")
    assert (ran.status, ran.outcomes) == (0, {"cut": "changed"}), ran.err
    assert ran.last["containment"] == {"web": "contained"}
    assert "table inet stopgap_web" in lab.read("edge", "nft list tables")

    assert operator.stopgap("undo", "last", "--yes").status == 0
    assert lab.read("edge", "nft -s list ruleset") == before
    assert lab.read("edge", "ls -d /tmp/stopgap-* /dev/shm/stopgap-* 2>/dev/null || true") == ""

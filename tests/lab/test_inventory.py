"""A site's Ansible inventory, as it is, drives the lab's hosts: nothing of it is changed for Stopgap."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forkserver

from .conftest import STATE, Lab
from .operator import Ran

HOSTS = """\
# 200 hosts: most of them elsewhere, a few of the lab
[frontend]
fe[001:120].tokyo.example
[database]
db-[a:z].osaka.example
db[01:40].osaka.example ansible_port=2222
[incident]
web.lab real=203.0.113.10
spare.lab real=203.0.113.20
neighbour.lab real=203.0.113.30
[windows]
dc[1:10].corp.example
[bastion]
gate ansible_host=10.9.0.1 ansible_user=root
[tokyo:children]
frontend
incident
[tokyo:vars]
ansible_ssh_common_args='-o ProxyCommand="ssh -q -W %h:%p {{ bastion }}"'
bastion=root@10.9.0.1
[windows:vars]
ansible_connection=winrm
"""
GROUP_VARS = {
    "all": f"""\
ansible_ssh_private_key_file: {STATE}/id_ed25519
ansible_ssh_extra_args: -o UserKnownHostsFile={STATE}/known_hosts -o StrictHostKeyChecking=yes
ansible_python_interpreter: auto_silent
ntp_servers: [192.0.2.123]
""",
    "incident": 'ansible_host: "{{ real }}"\nansible_user: "{{ vault_login }}"\nansible_become: true\n',
    "database": "ansible_user: postgres\nansible_become: true\nansible_become_method: sudo\n",
}
VAULT = "vault_login: root\nansible_become_password: never-used\n"
BESIDE = """\
hosts:
  "*.lab": {upstream: gate}
  spare.lab: {upstream: null}
  web.lab: {addresses: [203.0.113.10, "2001:db8:113::10"], spare: spare.lab}
groups:
  bastion: {vars: {driver: nftables, may_block: [203.0.113.0/24, "2001:db8:113::/64"], never_block: [203.0.113.1/32]}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """The inventory's folder: groups, group_vars, host_vars with a vault, ranges, a jump host, templates."""
    folder, password = tmp_path / "site", tmp_path / "password"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "host_vars").mkdir()
    (folder / "hosts").write_text(HOSTS)
    for group, text in GROUP_VARS.items():
        (folder / "group_vars" / f"{group}.yml").write_text(text)
    password.write_text("the site's word\n")
    for host in ("web.lab", "spare.lab", "neighbour.lab"):
        secret = folder / "host_vars" / f"{host}.yml"
        secret.write_text(VAULT)
        tool = Path(sys.executable).with_name("ansible-vault")
        words = [tool, "encrypt", "--vault-password-file", password, secret]
        subprocess.run(
            words, check=True, capture_output=True, env={**os.environ, "ANSIBLE_LOCAL_TEMP": str(tmp_path)}
        )
    (tmp_path / "beside.yaml").write_text(BESIDE)
    yield folder


def stopgap(lab: Lab, site: Path, *argv: str) -> Ran:
    env = {"STOPGAP_HOME": str(site.parent / "home"), "ANSIBLE_VAULT_PASSWORD_FILE": str(site.parent / "password")}
    done = lab.exec("operator", str(forkserver.stopgap()), *argv, env=env)
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_wild_inventory_of_two_hundred_hosts_collects_from_the_hosts_of_a_group(lab: Lab, site: Path) -> None:
    shown = stopgap(lab, site, "inventory", "-i", str(site), "--json")
    document = json.loads(shown.out)
    assert len(document["hosts"]) + len(document["left_out"]) >= 200
    assert {name for name in document["left_out"] if "winrm" in document["left_out"][name]} == {
        f"dc{n}.corp.example" for n in range(1, 11)
    }
    ran = stopgap(lab, site, "run", "collect", "-i", str(site), "-t", "incident:!spare*", "--yes", "--json")
    assert (ran.status, {step["outcome"] for step in ran.last["steps"]}) == (0, {"unchanged"}), ran.err
    manifests = (site.parent / "home" / "runs").glob("*/evidence/*/*/manifest.json")
    assert {path.parents[1].name for path in manifests} >= {"web.lab", "neighbour.lab"}
    assert "never-used" not in ran.out + ran.err


def test_a_file_beside_the_inventory_lets_a_block_be_planned(lab: Lab, site: Path) -> None:
    both = ("-i", str(site), "-i", str(site.parent / "beside.yaml"))
    words = ("-t", "web.lab", "-p", "contact=noc@example.jp")
    checked = stopgap(lab, site, "check", "contain", *both, *words)
    assert checked.status == 0, checked.err
    planned = stopgap(lab, site, "run", "contain", *both, *words, "--dry-run", "--json")
    steps = {step["step"]: step["outcome"] for step in planned.last["steps"]}
    assert (planned.status, steps["cut-off"]) == (0, "would-change"), planned.err
